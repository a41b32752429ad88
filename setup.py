"Packaging for memnb. Every value lives in settings.ini: edit there, not here."

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

STATUSES = [
    "1 - Planning",
    "2 - Pre-Alpha",
    "3 - Alpha",
    "4 - Beta",
    "5 - Production/Stable",
    "6 - Mature",
    "7 - Inactive",
]

# on an index page, where there is no clone, links of the README lead to the repository
place, branch = cfg["git_url"], cfg["branch"]
readme = (here / "README.md").read_text(encoding="utf-8")
readme = re.sub(r"(!\[[^\]]*\]\()(?!\w+:|#)", rf"\1{place}/raw/{branch}/", readme)
readme = re.sub(r"(?<!!)(\[[^\]]*\]\()(?!\w+:|#)", rf"\1{place}/blob/{branch}/", readme)

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    keywords=cfg["keywords"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    license="Apache-2.0",
    url=cfg["git_url"],
    project_urls={
        "Documentation": cfg["doc_host"] + cfg["doc_baseurl"],
        "Changes": f"{place}/blob/{branch}/CHANGELOG.md",
        "Issues": f"{place}/issues",
    },
    packages=find_packages(include=[cfg["lib_path"], cfg["lib_path"] + ".*"]),
    package_dir={"": "."},  # or Python started in the folder above takes the clone for a package without content
    package_data={cfg["lib_path"]: ["py.typed"]},
    include_package_data=True,
    install_requires=shlex.split(cfg["requirements"]),
    extras_require={
        extra: shlex.split(cfg[f"{extra}_requirements"])
        for extra in ("dev", "bench", "docs", "browser", "search", "cluster", "models", "release")
    },
    python_requires=">=" + cfg["min_python"],
    long_description=readme,
    long_description_content_type="text/markdown",
    zip_safe=False,
    entry_points={"nbdev": [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
    classifiers=[
        "Development Status :: " + STATUSES[int(cfg["status"]) - 1],
        "Intended Audience :: " + cfg["audience"],
        "Natural Language :: " + cfg["language"],
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Electronic Design Automation (EDA)",
        "Typing :: Typed",
    ],
)
