#!/usr/bin/env bash
# MiniStack's S3 answers a ranged read of a named version with the whole object, and says nothing of it.
set -euo pipefail

folder="$(mktemp -d)"
server=""
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106

port="$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
cd "$folder"
GATEWAY_PORT="$port" BIND_HOST=127.0.0.1 STATE_DIR="$folder/state" S3_DATA_DIR="$folder/s3" IOT_MTLS_ENABLED=0 \
    SFTP_ENABLED=0 timeout 120 "$folder/venv/bin/python" -m ministack >"$folder/server.log" 2>&1 &
server=$!

PORT="$port" "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import time
from importlib.metadata import version
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config

url = f"http://127.0.0.1:{os.environ['PORT']}"
for _ in range(300):
    try:
        urlopen(f"{url}/_ministack/ready", timeout=1).close()
        break
    except (URLError, OSError):
        time.sleep(0.1)

s3 = boto3.client(
    "s3",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(s3={"addressing_style": "path"}),
)
s3.create_bucket(Bucket="data")
s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
written = s3.put_object(Bucket="data", Key="table.parquet", Body=b"0123456789")["VersionId"]

plain = s3.get_object(Bucket="data", Key="table.parquet", Range="bytes=2-4")
named = s3.get_object(Bucket="data", Key="table.parquet", Range="bytes=2-4", VersionId=written)
seen = {
    "without a version": (plain["ResponseMetadata"]["HTTPStatusCode"], plain["Body"].read()),
    "with a version": (named["ResponseMetadata"]["HTTPStatusCode"], named["Body"].read()),
}

print(f"ministack {version('ministack')}, boto3 {version('boto3')}, Python {sys.version.split()[0]}")
print("Expected of S3: status 206 and the three bytes asked for, whether a version is named or not.")
print("A reader that asks for the footer of one version of a Parquet file gets all of it here.")
for how, (status, body) in seen.items():
    print(f"  {how}: status {status}, {body!r}")
if seen != {"without a version": (206, b"234"), "with a version": (200, b"0123456789")}:
    sys.exit("The behaviour has changed.")
PYTHON
