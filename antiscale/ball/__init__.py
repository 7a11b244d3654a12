"""Best policies of the chi-square ball: for one reward (T2), and for the worst of several."""
