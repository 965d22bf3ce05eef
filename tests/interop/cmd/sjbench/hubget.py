"""Downloads a repository of the hub that HF_ENDPOINT names into a folder: hubget.py NAMESPACE/NAME FOLDER."""

import sys

from huggingface_hub import snapshot_download

snapshot_download(sys.argv[1], local_dir=sys.argv[2], max_workers=8)
