"""Installs mmrep alone.

There is no ``install_requires``: PyTorch, mmengine, mmcv and the hosts
(mmdet, mmsegmentation, mmpretrain, or their maintained forks, which share the
import names) are the user's own, and naming a distribution here would pull a
second set in beside them.
"""
from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

setup(
    name='mmrep',
    version=run_path(str(ROOT / 'mmrep' / 'version.py'))['__version__'],
    description='Structural re-parameterization for OpenMMLab: rich '
    'convolutions in training, one plain convolution in deployment',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmrep', 'mmrep.*']),
    # configs, tools and model-index.yml below mmrep/.mim, see MANIFEST.in
    include_package_data=True,
    python_requires='>=3.9',
)
