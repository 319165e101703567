"""Tiny HDF5 files as h5py 3.16 (HDF5 2.0) writes them, one for each way of finding chunks, links and attributes.

    python make_hdf5.py        # writes hdf5.json beside it
"""
import base64, gzip, json, tempfile
from pathlib import Path

import h5py
import numpy as np

ramp = lambda *shape: np.arange(np.prod(shape)).reshape(shape).astype("f4")
ALL = {"compression": "gzip", "shuffle": True, "fletcher32": True}


def dataset(**options):
    return lambda file: file.create_dataset("w", data=ramp(5, 6), **options)


def early(file):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((2, 3))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32BE, h5py.h5s.create_simple((5, 6)), plist)
    file["w"][()] = ramp(5, 6)


def some(file):
    file.create_dataset("w", (40, 4), "i4", chunks=(3, 4), fillvalue=5, maxshape=(None, 4), compression="gzip")[31:33] = 9


def links(file):
    for i in range(12):
        file[f"g/w{i}"] = np.int8(i)


def attributes(file):
    file["w"] = ramp(2)
    for i in range(10):
        file["g" if "g" in file else file.create_group("g").name].attrs[f"a{i}"] = "x" * i


def heaps(file):
    file.attrs["layer_names"] = ["one", "two"]
    for layer in ["one", "two"]:
        file.create_group(layer).attrs["weight_names"] = [f"{layer}/w:0"]
        file[f"{layer}/{layer}/w:0"] = ramp(2, 2)


def committed(file):
    file["t"] = np.dtype("f4")
    file.create_dataset("w", (3,), file["t"], data=ramp(3))
    file["c"] = ramp(2).astype("c8")
    file["b"] = np.array([True, False])
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F16LE, h5py.h5s.create_simple((4,)), plist)


FILES = {
    "fixed": dataset(chunks=(2, 3)),
    "rows": dataset(chunks=(2, 3), maxshape=(None, 6)),
    "both": dataset(chunks=(2, 3), maxshape=(None, None)),
    "single": dataset(chunks=(5, 6), **ALL),
    "all": dataset(chunks=(2, 6), maxshape=(None, 6), **ALL),
    "deflate": dataset(chunks=(2, 3), compression="gzip"),
    "early": early,
    "some": some,
    "links": links,
    "attributes": attributes,
    "heaps": heaps,
    "committed": committed,
}


def packed(fill, libver):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.h5"
        with h5py.File(path, "w", libver=libver) as file:
            fill(file)
        return base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode()


files = {f"{name} {libver}": packed(fill, libver) for name, fill in FILES.items() for libver in ["earliest", "latest"]}
Path(__file__).with_name("hdf5.json").write_text(json.dumps(files, indent=2) + "\n")
