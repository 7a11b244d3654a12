"""One cell of a study: every arm at one horizon, for all bases, data seeds and n at once.

A *draw* is what one data seed gives under one base: labelled base traces, expert traces, and fresh
base traces without labels. n is how many of the first two an arm may use, so that the smaller n is
part of the larger. A *run* is one network to train: a draw, an n, and the reward r or its mirror.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale.ball.optimum import chi2_ball_optimum
from antiscale.core.validate import Floats
from antiscale.networks.config import TrainConfig
from antiscale.networks.environment import Environment
from antiscale.networks.evaluation import Law, apart, evaluate, in_parts, write
from antiscale.networks.theory import predictions
from antiscale.networks.training import (
    Data,
    Progress,
    Reward,
    fit,
    judge,
    policy_gradient,
)  # fmt: skip
from antiscale.networks.transformer import Transformer, pick

Integers = npt.NDArray[np.int64]


# Arms that ask the learned verifier.
_VERIFIED = ("ball", "rejection", "pg_learned", "best_of_n", "best_of_n_clone")


class Traces(NamedTuple):
    """Traces of each draw: prompts [D, N], tokens [D, N, L], hitting times [D, N]."""

    x: Integers
    tokens: npt.NDArray[np.int16]
    times: Integers


def _joined(models: list[Transformer]) -> Transformer:
    """Groups of models, one after the other."""
    return jax.tree_util.tree_map(lambda *leaves: jnp.concatenate(leaves), *models)


@dataclass(frozen=True)
class Run:
    """One network to train: its draw, n, and whether the reward is H - R."""

    draw: int
    n: int
    mirrored: bool = False


@dataclass
class Cell:
    """Everything at one horizon; each method gives rows, and per-prompt arrays to keep.

    Attributes
    ----------
    bases
        The pretrained networks, stacked [B].
    horizon, sizes
        H, and the n.
    """

    config: TrainConfig
    bases: Transformer
    horizon: int
    sizes: tuple[int, ...]
    key: jax.Array
    progress: Progress | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        config, world = self.config, self.config.world
        self.world: Environment = world
        self.total = world.lead + self.horizon
        self.draws = [
            (base, seed)
            for base in range(config.base_seeds) for seed in range(config.data_seeds)
        ]  # fmt: skip
        self.of_base = np.array([base for base, _ in self.draws])
        # Prompts whose laws are found: those finetuned on come first; `tested` are the places of
        # those on which J is measured.
        outside = [x for x in world.evaluated if x >= world.prompts]
        self.measured = np.append(np.arange(world.prompts), outside).astype(int)
        self.tested = np.searchsorted(self.measured, np.asarray(world.evaluated))
        self.fitted: dict[str, tuple[list[Run], Transformer]] = {}
        self._known: dict[tuple[int, int], dict[str, float | None]] = {}

    def new_key(self, *names: str) -> jax.Array:
        """A key that depends on what it is for alone."""
        key = self.key
        for name in names:
            key = jax.random.fold_in(key, zlib.crc32(name.encode()))
        return key

    # What the base earns, and the expert.

    def measure(self) -> None:
        """Find the base's law at every prompt, the expert's density ratio, and the draws."""
        config, world = self.config, self.world
        models = pick(self.bases, jnp.asarray(self.of_base))
        found = evaluate(
            models, models, self.new_key("law"), environment=world, horizon=self.horizon,
            samples=config.law, prompts=self.measured,
        )  # fmt: skip
        # All data seeds sample the same bases.
        law = found.merged(config.data_seeds)
        pmf, gain = law.of_return, np.arange(self.horizon + 1.0)
        self.law, self.pmf = law, pmf
        self.ratio, self.expert = {}, {}
        for mirrored in (False, True):
            returns = np.broadcast_to(self.horizon - gain if mirrored else gain, pmf.shape)
            best = chi2_ball_optimum(pmf, returns, config.kappa)
            self.ratio[mirrored] = np.asarray(best.density_ratio)
            self.expert[mirrored] = np.asarray(best.value)
        self.arrays |= {
            "base_style": law.style, "base_returns": law.returns.astype(np.float32),
            "expert": self.expert[False], "expert_mirrored": self.expert[True],
        }  # fmt: skip
        # Data seeds do not differ here: one row per base.
        once = [Run(base * config.data_seeds, 0) for base in range(config.base_seeds)]
        self._report("base", once, law.at(self.tested))
        self._report("expert", once, self._tilted(law).at(self.tested))
        self._draw(models)
        # The base's own traces, for the rollout table; their scores come with the verifier.
        if config.kept:
            first, each = [run.draw for run in once], self._shown
            x, times = (z[first][:, each] for z in (self.trial.x, self.trial.times))
            kept = {"method": "base", "runs": once, "x": x, "times": times, "scores": None}
            self.samples.append(kept)

    @property
    def _shown(self) -> npt.NDArray[np.bool_]:
        """The first of each prompt's base traces, which the rollout table has."""
        return np.arange(self.trial.x.shape[1]) % self.config.fresh < self.config.kept

    def _tilted(self, law: Law) -> Law:
        """The law of the expert."""
        joint = law.pmf * self.ratio[False][:, :, None, :]
        style = joint.sum(-1)
        returns = joint / np.maximum(style, 1e-300)[..., None]
        w = self.ratio[False]
        kl = (self.pmf * np.where(w > 0, w * np.log(np.maximum(w, 1e-300)), 0.0)).sum(-1)
        return Law(style, returns, law.samples, law.valid, kl, apart(style, law.style))

    def _write(self, models: Transformer, name: str, x: Integers) -> Traces:
        """Traces of K policies at prompts x [K, N]."""
        prefix = self.world.prefix(self.horizon)[x]
        tokens = write(models, self.new_key(name), prefix, self.world.lead, self.total)
        return self._timed(x, tokens)

    def _timed(self, x: Integers, tokens: npt.NDArray[np.int16]) -> Traces:
        """Traces with the verifier's hitting times."""
        times = np.stack([
            np.asarray(self.world.times(jnp.asarray(t, jnp.int32), jnp.asarray(at)))
            for t, at in zip(tokens, x, strict=True)
        ])  # fmt: skip
        return Traces(x, tokens, times)

    def _draw(self, models: Transformer) -> None:
        """Labelled, expert and fresh traces of every draw."""
        config, most = self.config, max(self.sizes)
        rng = np.random.default_rng([config.seed, self.horizon])
        count, prompts = len(self.draws), self.world.prompts

        def anywhere(size: int) -> Integers:
            return rng.integers(0, prompts, (count, size))

        self.labelled = self._write(models, "labelled", anywhere(most))
        each = np.repeat(np.arange(prompts), config.fresh)
        self.fresh = self._write(models, "fresh", np.tile(each, (count, 1)))
        # What best-of-N searches: base traces of the prompts on which J is measured.
        self.trial = self.fresh
        if self.world.evaluated != range(prompts):
            each = np.repeat(np.asarray(self.world.evaluated), config.fresh)
            self.trial = self._write(models, "trial", np.tile(each, (count, 1)))
        # The expert by rejection: accepted with probability w/(largest w at any prompt), so that
        # accepted prompts are as likely as proposed ones.
        ratio = self.ratio[False][self.of_base]
        bound = ratio.max((-1, -2))
        kept: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]
        turn = 0
        while min(sum(len(z[0]) for z in each) for each in kept) < most:
            size = int(1.1 * most * bound.max()) + 64
            tried = self._write(models, f"expert{turn}", anywhere(size))
            gain = self.returns(tried.times)
            for d in range(count):
                weight = ratio[d, tried.x[d], gain[d]]
                yes = rng.random(size) < weight / bound[d]
                kept[d].append(tuple(z[d][yes] for z in tried))
            turn += 1
        chosen = [[np.concatenate(z)[:most] for z in zip(*each, strict=True)] for each in kept]
        self.by_expert = Traces(*(np.stack(z) for z in zip(*chosen, strict=True)))

    # Runs and what they learn from.

    def runs(self, *, mirror: bool = False) -> list[Run]:
        """Every reward, n and draw; rewards are r and, where types are announced, its mirror."""
        both = (False, True) if mirror and self.world.announced else (False,)
        return [
            Run(draw, n, mirrored)
            for mirrored, n, draw in itertools.product(both, self.sizes, range(len(self.draws)))
        ]

    def _parts(self, runs: list[Run]) -> Iterator[tuple[slice, list[Run]]]:
        """Runs, as many at a time as there are draws: one compiled shape, one n, one reward."""
        size = len(self.draws)
        for start in range(0, len(runs), size):
            yield slice(start, start + size), runs[start : start + size]

    def _start(self, runs: list[Run]) -> Transformer:
        return pick(self.bases, jnp.asarray(self.of_base[[run.draw for run in runs]]))

    def returns(self, times: Integers) -> Integers:
        """R = (H - T + 1)_+, whole numbers of tokens."""
        return np.maximum(self.horizon - times + 1, 0)

    def times_of(self, times: Integers, mirrored: bool) -> Integers:
        """Hitting times under the reward or its mirror, whose R is H - R: T = R + 1."""
        return self.returns(times) + 1 if mirrored else times

    def _fit(
        self, name: str, runs: list[Run], traces: Traces, index: list[Integers], *,
        verifier: bool = False,
    ) -> None:  # fmt: skip
        """Train one network per run on the traces of its draw that `index` names."""
        config = self.config
        schedule = config.verifier if verifier else config.finetune
        # One width for everything that is ever fitted at this horizon.
        width = max(max(self.sizes), config.finetune.steps * config.finetune.batch)
        found = []
        for part, some in self._parts(runs):
            rows = [np.resize(each, width) for each in index[part]]
            tokens = np.stack([
                traces.tokens[run.draw][at] for run, at in zip(some, rows, strict=True)
            ])  # fmt: skip
            times = np.stack([
                self.times_of(traces.times[run.draw][at], run.mirrored)
                for run, at in zip(some, rows, strict=True)
            ])  # fmt: skip
            count = [len(each) for each in index[part]]
            data = Data(jnp.asarray(tokens), jnp.asarray(times), jnp.asarray(count, jnp.int32))
            models, _ = fit(
                schedule, self._start(some), data, self.new_key(name, str(part.start)),
                environment=self.world, verifier=verifier, progress=self.progress,
                what=f"H = {self.horizon}: {name}",
            )  # fmt: skip
            found.append(models)
        self.fitted[name] = runs, _joined(found)

    def verify(self) -> None:
        """Train a verifier per run on n labelled base traces, and score the fresh ones."""
        if "verifier" in self.fitted:
            return
        runs = self.runs(mirror=True)
        index = [np.arange(run.n) for run in runs]
        self._fit("verifier", runs, self.labelled, index, verifier=True)
        both = self.fitted["verifier"]
        self.scores = self._judge(*both, lambda run, _: self.fresh.tokens[run.draw])
        self.trial_scores = self.scores
        if self.trial is not self.fresh:
            self.trial_scores = self._judge(*both, lambda run, _: self.trial.tokens[run.draw])
        self._check(runs)
        # The scores that the rollout table has: by the verifier of the most labels.
        for kept in self.samples:
            if kept["method"] == "base":
                most = [runs.index(Run(run.draw, max(self.sizes))) for run in kept["runs"]]
                kept["scores"] = self.trial_scores[most][:, self._shown]

    def _check(self, runs: list[Run]) -> None:
        """How far each verifier's scores s are from the returns on base traces it never saw.

        `verifier_error` is E_b|R - s| in tokens; `ball_upper` is 2 sqrt(kappa) sd_b(R - s), at
        which the ball's optimum for s loses at most, where it is exact; means over prompts.
        """
        shape = (self.world.prompts, self.config.fresh)
        self.checked: dict[Run, dict[str, float]] = {}
        for k, run in enumerate(runs):
            gain = self.returns(self.times_of(self.fresh.times[run.draw], run.mirrored))
            apart = (gain - self.scores[k]).reshape(shape)
            self.checked[run] = {
                "verifier_error": float(np.abs(apart).mean()),
                "ball_upper": float(2 * self.config.kappa**0.5 * apart.std(-1).mean()),
            }

    def _judge(
        self, runs: list[Run], judges: Transformer, of: Callable[[Run, int], npt.NDArray[np.int16]]
    ) -> Floats:
        """Scores that the verifier of each run gives to the traces `of` it: [K, N]."""
        found = []
        for rows, some in self._parts(runs):
            group = pick(judges, jnp.arange(rows.start, rows.start + len(some)))
            tokens = np.stack([of(run, rows.start + k) for k, run in enumerate(some)])
            scores = np.zeros(tokens.shape[:2])
            for part, count, (seen,) in in_parts(group, 4 * self.total, tokens):
                judged = judge(group, jnp.asarray(seen, jnp.int32), self.world.lead)
                scores[:, part] = np.asarray(judged)[:, :count]
            found.append(scores)
        return np.concatenate(found)

    # The arms.

    def sft(self) -> None:
        """Cloning: n traces of the expert."""
        runs = self.runs()
        self._fit("sft", runs, self.by_expert, [np.arange(run.n) for run in runs])
        self._evaluate("sft")

    def optimal_path(self) -> None:
        """Cloning n traces that are right as soon as can be; outside the ball."""
        x = self.labelled.x
        tokens = np.stack([
            np.asarray(self.world.best(self.new_key("best", str(d)), jnp.asarray(at), self.horizon))
            for d, at in enumerate(x)
        ]).astype(np.int16)  # fmt: skip
        runs, best = self.runs(), self._timed(x, tokens)
        self._fit("optimal_path", runs, best, [np.arange(run.n) for run in runs])
        self._evaluate("optimal_path")

    def _resampled(self, name: str, weights: Floats, run: int) -> Integers:
        """As many traces as the schedule looks at, drawn by their weights."""
        rng = np.random.default_rng([self.config.seed, self.horizon, run, len(name)])
        chance = weights / weights.sum()
        size = self.config.finetune.steps * self.config.finetune.batch
        return rng.choice(len(chance), size=size, p=chance)

    def ball(self) -> None:
        """Fresh base traces with the ball's weights of their scores, prompt by prompt (T2, T7)."""
        self.verify()
        # In tenths of a token: the ball needs few distinct returns.
        self._tilt("ball", self.fitted["verifier"][0], np.round(self.scores, 1))

    def ball_true(self) -> None:
        """The limit of `ball`: the weights of the true returns, a label for each fresh trace."""
        gain = self.returns(self.fresh.times).astype(float)
        self._tilt("ball_true", [Run(draw, 0) for draw in range(len(self.draws))], gain)

    def _tilt(self, name: str, runs: list[Run], scores: Floats) -> None:
        """Imitate fresh traces with the ball's weights of their scores [runs, m * fresh]."""
        shape = (len(runs), self.world.prompts, self.config.fresh)
        flat = np.full(shape, 1.0 / self.config.fresh)
        best = chi2_ball_optimum(flat, scores.reshape(shape), self.config.kappa)
        ratio = np.asarray(best.density_ratio).reshape(len(runs), -1)
        index = [self._resampled(name, each, k) for k, each in enumerate(ratio)]
        self._fit(name, runs, self.fresh, index)
        self._evaluate(name)

    def weighted(self) -> None:
        """The n labelled traces themselves with the ball's weights: sampled as a clone's are."""
        runs, prompts = self.runs(), self.world.prompts
        index = []
        for k, run in enumerate(runs):
            x, times = (z[run.draw, : run.n] for z in (self.labelled.x, self.labelled.times))
            counts = np.bincount(x, minlength=prompts)
            # Padded to a power of two, so that few shapes are compiled.
            width = 2 ** int(np.ceil(np.log2(counts.max())))
            order = np.argsort(x, kind="stable")
            place = np.arange(run.n) - np.repeat(np.cumsum(counts) - counts, counts)
            gain, even = np.zeros((prompts, width)), np.zeros((prompts, width))
            gain[x[order], place] = self.returns(times[order])
            even[x[order], place] = 1.0 / counts[x[order]]
            even[counts == 0, 0] = 1.0
            ratio = np.asarray(chi2_ball_optimum(even, gain, self.config.kappa).density_ratio)
            weight = np.zeros(run.n)
            weight[order] = ratio[x[order], place]
            index.append(self._resampled("weighted", weight, k))
        self._fit("weighted", runs, self.labelled, index)
        self._evaluate("weighted")

    def rejection(self) -> None:
        """Rejection finetuning: fresh traces in proportion to their score; outside the ball."""
        self.verify()
        runs = self.runs()
        index = [self._resampled("rejection", self.scores[k] + 1e-9, k) for k in range(len(runs))]
        self._fit("rejection", runs, self.fresh, index)
        self._evaluate("rejection")

    def _climb(self, name: str, *, learned: bool) -> None:
        config = self.config
        if learned:
            self.verify()
        runs = self.runs() if learned else [Run(d, 0) for d in range(len(self.draws))]
        found = []
        for number, (part, some) in enumerate(self._parts(runs)):
            judges = None
            if learned:
                rows = jnp.arange(part.start, part.start + len(some))
                judges = pick(self.fitted["verifier"][1], rows)
            reward = Reward(judges, jnp.zeros(len(some), bool))
            models, _ = policy_gradient(
                config.gradient, self._start(some), reward, self.new_key(name, str(number)),
                environment=self.world, horizon=self.horizon, group=config.group, beta=config.beta,
                progress=self.progress, what=f"H = {self.horizon}: {name}",
            )  # fmt: skip
            found.append(models)
        self.fitted[name] = runs, _joined(found)
        self._evaluate(name)

    def pg_learned(self) -> None:
        """Policy gradient on the learned verifier, with a KL to the base."""
        self._climb("pg_learned", learned=True)

    def pg_true(self) -> None:
        """Policy gradient on the true return: no data but as many labels as traces."""
        self._climb("pg_true", learned=False)

    def best_of_n(self) -> None:
        """The best of N base traces by the verifier's score: N H tokens."""
        self.verify()
        runs = self.fitted["verifier"][0]
        times = self.trial.times[[run.draw for run in runs]]
        self._best("best_of_n", runs, self.trial_scores, times)

    def best_of_n_true(self) -> None:
        """The limit of `best_of_n`: the true returns are the scores."""
        runs = [Run(draw, 0) for draw in range(len(self.draws))]
        gain = self.returns(self.trial.times).astype(float)
        self._best("best_of_n_true", runs, gain, self.trial.times)

    def best_of_n_clone(self) -> None:
        """The best of N traces of the clone by the verifier's score."""
        self.verify()
        if "sft" not in self.fitted:
            self.sft()
        runs, clones = self.fitted["sft"]
        tries = self.config.tries
        each = max(tries, self.config.fresh // 4 // tries * tries)
        x = np.tile(np.repeat(np.asarray(self.world.evaluated), each), (len(runs), 1))
        traces = self._write(clones, "clone", x)
        judges = pick(self.fitted["verifier"][1], jnp.arange(len(runs)))
        scores = self._judge(runs, judges, lambda _, k: traces.tokens[k])
        self._best("best_of_n_clone", runs, scores, traces.times)

    def _best(self, name: str, runs: list[Run], scores: Floats, times: Integers) -> None:
        tries = self.config.tries
        gain = self.returns(times)
        shape = (len(runs), len(self.tested), -1, tries)
        best = scores.reshape(shape).argmax(-1)[..., None]
        taken = np.take_along_axis(gain.reshape(shape), best, -1)[..., 0]
        for k, run in enumerate(runs):
            signed = self.horizon - taken[k] if run.mirrored else taken[k]
            solved = (signed > 0).mean()
            self._row(
                name, run, signed.mean(-1), solved=float(solved),
                noise=signed.var(-1) / max(signed.shape[-1] - 1, 1), tokens=tries * self.horizon,
            )  # fmt: skip

    # Rows.

    def _evaluate(self, name: str) -> None:
        """J of every run of an arm, and its distance from the base."""
        runs, models = self.fitted[name]
        for rows, some in self._parts(runs):
            group = pick(models, jnp.arange(rows.start, rows.start + len(some)))
            law = evaluate(
                group, self._start(some), self.new_key(name, "J", str(rows.start)),
                environment=self.world, horizon=self.horizon, samples=self.config.evaluation,
                prompts=np.asarray(self.world.evaluated),
            )  # fmt: skip
            out = None
            if self.world.held_out:
                outside = np.arange(self.world.prompts, self.world.all_prompts)
                out = evaluate(
                    group, self._start(some), self.new_key(name, "out", str(rows.start)),
                    environment=self.world, horizon=self.horizon,
                    samples=self.config.evaluation, prompts=outside,
                ).mean.mean(-1)  # fmt: skip
            self._report(name, some, law, out)
            self._keep(name, some, group)

    def _report(self, name: str, runs: list[Run], law: Law, out: Floats | None = None) -> None:
        for k, run in enumerate(runs):
            mean = law.mean[k]
            pmf = law.of_return[k]
            earning = slice(None, -1) if run.mirrored else slice(1, None)
            self._row(
                name, run, self.horizon - mean if run.mirrored else mean,
                solved=float(pmf[:, earning].sum(-1).mean()), noise=law.noise[k],
                tokens=self.horizon, valid=float(law.valid[k]), kl=float(law.kl[k].mean()),
                chi2_style=float(law.chi2_style[k].mean()),
                J_held_out=None if out is None else float(out[k]),
                **(self._against_procedure(pmf, law.style[k]) if name == "base" else {}),
            )  # fmt: skip

    def _against_procedure(self, pmf: Floats, style: Floats) -> dict[str, float]:
        """The procedure's J and how often it is right, and how far the base is from it.

        `tv` is the total variation of the return's law, mean over prompts; `style_off` the largest
        difference of a style's mean share, as a part of that share.
        """
        joint = self.world.law(self.horizon)[np.asarray(self.world.evaluated)]
        exact, share = joint.sum(1), joint.sum(-1).mean(0)
        return {
            "J_procedure": float((exact @ np.arange(self.horizon + 1)).mean()),
            "solved_procedure": float(exact[:, 1:].sum(-1).mean()),
            "tv": float(np.abs(exact - pmf).sum(-1).mean() / 2),
            "style_off": float(np.max(np.abs(style.mean(0) - share) / np.maximum(share, 1e-9))),
        }

    def _row(
        self, name: str, run: Run, mean: Floats, *, solved: float, noise: Floats, tokens: int,
        **more: Any,
    ) -> None:  # fmt: skip
        base, seed = self.draws[run.draw]
        expert = self.expert[run.mirrored][base][self.tested]
        before = self.law.mean[base][self.tested]
        gain = np.arange(self.horizon + 1)
        variance = (self.pmf[base] @ gain**2 - (self.pmf[base] @ gain) ** 2)[self.tested]
        varies = variance > 1e-9
        start = self.horizon - before if run.mirrored else before
        lost = expert - mean
        labels = {
            "base": 0, "expert": 0, "ball_true": self.world.prompts * self.config.fresh,
            "pg_true": self.config.gradient.steps * self.config.gradient.batch,
            "best_of_n_true": self.config.tries,
        }.get(name, run.n)  # fmt: skip
        self.rows.append({
            "method": name, "environment": self.world.environment, "spread": self.world.spread,
            "horizon": self.horizon,
            "n": run.n, "reward": "mirror" if run.mirrored else "r", "base_seed": base,
            "seed": seed, "J": float(mean.mean()), "J_expert": float(expert.mean()),
            "J_base": float(start.mean()),
            # No policy earns this J with less chi-square: (J - J_b)^2 <= chi2 Var_b R. Where the
            # base's samples do not vary they cannot tell.
            "chi2_least": float(((mean - start)[varies] ** 2 / variance[varies]).mean())
            if varies.any() else 0.0,
            "loss": float(np.abs(lost).mean()), "signed_loss": float(lost.mean()),
            "rms_loss": float(np.sqrt(max((lost**2 - noise).mean(), 0.0))),
            "noise": float(np.sqrt(noise.mean())), "solved": solved, "tokens": tokens,
            "labels": labels,
            **(self.checked.get(run, {}) if name in _VERIFIED else {}),
        } | more | self._predicted(base, run))  # fmt: skip
        key = f"J/{name}/{run.n}/{base}/{seed}" + ("/mirror" if run.mirrored else "")
        self.arrays[key] = np.stack([mean, noise]).astype(np.float32)

    def _predicted(self, base: int, run: Run) -> dict[str, float | None]:
        """What the theory says at the base's own law; nothing for the mirror, whose sides swap."""
        at = (base, run.n)
        if at not in self._known:
            self._known[at] = predictions(
                self.law.style[base, : self.world.prompts],
                self.law.returns[base, : self.world.prompts], horizon=self.horizon,
                kappa=self.config.kappa, n=run.n, announced=self.world.announced,
                seed=self.config.seed,
            )  # fmt: skip
        return dict.fromkeys(self._known[at]) if run.mirrored else self._known[at]

    def _keep(self, name: str, runs: list[Run], models: Transformer) -> None:
        """Some traces of each run, for the rollout table."""
        if not self.config.kept:
            return
        each = np.repeat(np.asarray(self.world.evaluated), self.config.kept)
        x = np.tile(each, (len(runs), 1))
        times = self._write(models, f"keep{name}", x).times
        kept = {"method": name, "runs": runs, "x": x, "times": times, "scores": None}
        self.samples.append(kept)

    def compute(self) -> None:
        """Every arm of the configuration."""
        self.measure()
        for name in self.config.arms(self.horizon):
            getattr(self, name)()
