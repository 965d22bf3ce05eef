"""Copies to or from S3 with the client of the AWS common runtime, as version 2 of the command-line client uses it where
`s3.preferred_transfer_client` is `crt`.  Version 1, which is what PyPI has, brings the code along but not the setting.

    s3crt.py get|put|get-tree|put-tree ENDPOINT BUCKET KEY LOCAL

KEY and LOCAL are an object and a file, or for the trees a prefix that ends in "/" and a folder.
"""

import os
import sys

from awscli.botocore.session import Session
from awscli.s3transfer.crt import (
    BotocoreCRTCredentialsWrapper,
    BotocoreCRTRequestSerializer,
    CRTTransferManager,
    create_s3_crt_client,
)


def open_manager(session, endpoint):
    credentials = BotocoreCRTCredentialsWrapper(session.get_credentials())
    client = create_s3_crt_client(
        region=session.get_config_variable("region"),
        crt_credentials_provider=credentials.to_crt_credentials_provider(),
        use_ssl=endpoint.startswith("https:"),
    )
    serializer = BotocoreCRTRequestSerializer(session, {"endpoint_url": endpoint})
    return CRTTransferManager(client, serializer)


def keys_below(session, endpoint, bucket, prefix):
    client = session.create_client("s3", endpoint_url=endpoint)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield entry["Key"]


def files_below(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(at, name)


def main(job, endpoint, bucket, key, local):
    session = Session()
    futures = []
    with open_manager(session, endpoint) as manager:
        if job == "get":
            futures.append(manager.download(bucket, key, local))
        elif job == "put":
            futures.append(manager.upload(local, bucket, key))
        elif job == "get-tree":
            for name in keys_below(session, endpoint, bucket, key):
                target = os.path.join(local, name[len(key):])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                futures.append(manager.download(bucket, name, target))
        elif job == "put-tree":
            for path in files_below(local):
                futures.append(manager.upload(path, bucket, key + os.path.relpath(path, local)))
        for future in futures:
            future.result()


main(*sys.argv[1:])
