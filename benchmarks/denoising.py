"""Measure the table of Vincent et al. 2008: support vector machines and nets on eight data sets.

    python benchmarks/denoising.py                           # all of it, two hours of a core
    python benchmarks/denoising.py --data rect --model SVM-rbf SVM-poly

Each setting of a model's grid is trained on 10,000 images and judged by 2,000 others (rect and
convex have fewer). The best is tested, nets from three seeds, on 50,000 that nothing has seen. Each
result goes to aelib/comparison.json at once, so that a run that was stopped goes on where it was:
call it again.
"""

import argparse

from aelib import comparison, data, variations

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = list(comparison.MODELS)
    parser.add_argument("--data", nargs="+", choices=variations.NAMES, default=variations.NAMES)
    parser.add_argument("--model", nargs="+", choices=models, default=models)
    options = parser.parse_args()
    comparison.run(options.data, options.model, data.load_mnist())
