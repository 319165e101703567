"""PyTorch and sentence-transformers behind the bench's protocol: lines of JSON in, lines marked by '@' out.

Arguments: 'torch' or 'sentence-transformers', and the number of threads.
"""

import json
import os
import sys
import time

import torch

kind, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
model = None


def version(_):
    if kind == "torch":
        return {"version": torch.__version__}
    import sentence_transformers

    return {"version": sentence_transformers.__version__}


def load(request):
    global model
    begin = time.perf_counter()
    if kind == "torch":
        from transformers import AutoModel

        dtype = getattr(torch, request.get("dtype") or "float32")
        model = AutoModel.from_pretrained(request["folder"], dtype=dtype).eval()
    else:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(request["folder"], device="cpu")
    return {"ms": 1000 * (time.perf_counter() - begin)}


def forward(request):
    ids = torch.tensor(request["ids"])

    def run():
        return model(input_ids=ids).last_hidden_state.float().numpy()

    return timed(request, run)


def embed(request):
    with open(request["texts"], encoding="utf-8") as file:
        texts = json.load(file)

    def run():
        return model.encode(texts, batch_size=request["batch"], show_progress_bar=False)

    return timed(request, run)


@torch.inference_mode()
def timed(request, run):
    times, waits, output = [], [], None
    for _ in range(request.get("repeats", 1)):
        waited_before = waited()
        begin = time.perf_counter()
        output = run()
        times.append(1000 * (time.perf_counter() - begin))
        waits.append(max(0, waited() - waited_before))
    if request.get("output"):
        output.tofile(request["output"])
    return {"times": times, "waits": waits}


def waited():
    """Milliseconds for which threads of this process could have run and had no core; 0 where the kernel does not say."""
    try:
        files = [f"/proc/self/task/{task}/schedstat" for task in os.listdir("/proc/self/task")]
        return sum(int(open(file).read().split()[1]) for file in files) / 1e6
    except OSError:
        return 0


operations = {"version": version, "load": load, "forward": forward, "embed": embed}

for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = operations[request["op"]](request)
    except Exception as error:  # the bench shows what a peer fails with
        reply = {"error": f"{type(error).__name__}: {error}"}
    print("@" + json.dumps(reply), flush=True)
