"""The endpoints that are measured, as a good FastAPI application would have them.

It keeps to the same promises: an upload is parsed before it is stored, and it is on the disk, file and
directory, before it is acknowledged. TASKS names the answer of GET /tasks, STORE an empty directory, BODIES one with
bodies that are served as they are, compressed beforehand.
"""

import ast
import gzip
import hashlib
import json
import os
import re
import secrets
import sys
from pathlib import Path

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile

TASKS = json.loads(Path(os.environ["TASKS"]).read_text())
READY_MADE = json.dumps(TASKS).encode()
STORE = Path(os.environ["STORE"])
MINER_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_SOURCE_BYTES = 256 << 10

app = FastAPI()


@app.get("/tasks")
async def tasks():
    return TASKS


@app.get("/ready-made")
async def ready_made():
    return Response(READY_MADE, media_type="application/json")


BODIES = {}
for file in Path(os.environ["BODIES"]).glob("*.path"):
    body = file.with_suffix(".body").read_bytes()
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    BODIES[file.read_text().partition("?")[0]] = (body, gzip.compress(body), tag)


async def ready(request: Request):
    body, compressed, tag = BODIES[request.url.path]
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(compressed, media_type="application/json", headers=headers | {"Content-Encoding": "gzip"})
    return Response(body, media_type="application/json", headers=headers)


for path in BODIES:
    app.router.routes[:] = [route for route in app.router.routes if route.path != path]
    app.add_api_route(path, ready, methods=["GET"])


@app.post("/upload/agent", status_code=201)
def upload(file: UploadFile, miner_id: str = Form()):
    source = file.file.read(MAX_SOURCE_BYTES + 1)
    if not MINER_ID.fullmatch(miner_id) or len(source) > MAX_SOURCE_BYTES:
        raise HTTPException(422)
    check(source)
    if (STORE / f"{miner_id}.json").exists():
        raise HTTPException(401)
    token, sha256 = secrets.token_hex(32), hashlib.sha256(source).hexdigest()
    receipt = {"miner_id": miner_id, "version": 1, "sha256": sha256}
    meta = receipt | {"size": len(source), "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
    write(STORE / f"{sha256}.py", source)
    write(STORE / f"{miner_id}.json", json.dumps(meta).encode())
    return receipt | {"token": token}


def check(source):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise HTTPException(422, str(error)) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            if module.split(".")[0] not in sys.stdlib_module_names:
                raise HTTPException(422, module)


def write(path, content):
    unfinished = path.with_name(f".{secrets.token_hex(8)}")
    with open(unfinished, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(unfinished, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
