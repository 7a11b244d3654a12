"""Rollouts of a real model put through the theorem: read, estimate, predict, say.

`files`, `tables` and `harness` read, `samples` holds, `copies` doubts, `band` says what k samples
prove of one problem and `certified` what they prove of the problems' mean,
`estimates` measures every problem, `averages` goes from problems to their mean, `search` draws
pass@k and best-of-n curves, `predictions` applies the bounds, `diagnosis` does all of it.
"""
