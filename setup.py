"""Packaging of nerco_plugin: a static version and ranges that fit beside a user's own torch."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "0.1.0"

setup(
    name="nerco_plugin",
    version=VERSION,
    description="NeRCo (ICCV 2023), low-light image enhancement without pairs, as a modular plugin for BasicSR",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "nerco_plugin/metrics/niqe_paper_params.LICENSE"],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["nerco_plugin", "nerco_plugin.*"]),
    py_modules=["nerco_command"],
    entry_points={"console_scripts": ["nerco = nerco_command:run"]},
    include_package_data=True,
    package_data={
        "nerco_plugin": ["**/*.npz", "**/*.LICENSE", "**/*.css", "**/*.js", "**/*.json", "weights/*", "py.typed"]
    },
    install_requires=[
        "torch>=2.4",
        "torchvision>=0.19",
        "basicsr==1.4.2",
        "mmengine>=0.10.4,<0.11",
        "open_clip_torch>=3.0",
        "lmdb>=1.4",
        "opencv-python>=4.8",
        "numpy>=1.24",
        "scipy>=1.10,<2",
        "scikit-image>=0.21",
        "tifffile>=2022.8.12",
        "pillow>=10.1",
        "pyyaml>=6",
        "msgspec>=0.18",
        "safetensors>=0.4",
        "huggingface_hub>=0.25",
        "packaging>=22",
        "tqdm>=4.65",
        "setuptools",  # basicsr imports distutils, which Python 3.12 has no more
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "pytest-timeout>=2.2",
            "pytest-xdist>=3.5",
            "playwright>=1.40",  # drives the system's Chromium in the page tests
            "onnx>=1.16",  # the extra export, whose results the tests compare with torch's
            "onnxruntime>=1.18",
            "onnxscript>=0.2",
            "ruff>=0.6",
            "mypy>=1.10",
            "types-PyYAML",
            "types-tqdm",
        ],
        "demo": ["gradio>=6"],
        "video": ["av>=14.1"],
        "export": ["torch>=2.6", "onnx>=1.16", "onnxruntime>=1.18", "onnxscript>=0.2"],
        "lpips": ["lpips>=0.1.4"],
    },
)
