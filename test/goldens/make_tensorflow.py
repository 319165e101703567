"""Small files as h5py 3.16 (HDF5 2.0) and TensorFlow 2.15.1 write them, for the readers of both.

    python make_tensorflow.py        # writes test/checkpoint/hdf5/h5py.json and test/checkpoint/tf-bundle/tensorflow.json
"""
import base64, gzip, json, os, tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import h5py
import numpy as np
import tensorflow as tf

TESTS = Path(__file__).parent.parent / "checkpoint"
ramp = lambda *shape: (np.arange(np.prod(shape)) % 251).reshape(shape)
packed = lambda data: base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def told(array):
    array = np.asarray(array)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {"dtype": str(little.dtype), "shape": list(array.shape), "bytes": packed(np.ascontiguousarray(little).tobytes())}


def note(tensors, name, item):
    if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiubc":
        tensors[name] = told(item[()])


def h5(fill, told_of=True, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.h5"
        tensors = {}
        with h5py.File(path, "w", **options) as file:
            fill(file)
            if told_of:
                file.visititems(lambda name, item: note(tensors, name, item))
        return {"file": packed(path.read_bytes()), "tensors": tensors}


def dtypes(file):
    for dtype in ["<f2", "<f4", "<f8", ">f4", ">f8", "i1", "<i2", ">i4", "<i8", "u1", "<u2", "<u4", "<u8", "?", "<c8"]:
        file[f"types/{dtype.strip('<')}"] = (ramp(2, 3) % 2 if dtype == "?" else ramp(2, 3)).astype(dtype)
    file["scalar"] = np.float32(1.5)
    file["empty"] = np.zeros((0, 4), "f4")
    file.create_dataset("unwritten", (3,), "f4", fillvalue=2.5)
    file["text"] = "a text"
    file.attrs["short"] = "one"
    file.attrs["list"] = ["first", "é"]
    file.attrs["fixed"] = np.array([b"ab", b"c"])
    file.attrs["number"] = 7
    file["soft"] = h5py.SoftLink("/scalar")
    file["hard"] = file["scalar"]


def chunks(file):
    options = {"plain": {}, "deflate": {"compression": "gzip"}, "shuffle": {"compression": "gzip", "shuffle": True}, "sum": {"fletcher32": True}, "all": {"compression": "gzip", "shuffle": True, "fletcher32": True}}
    for name, more in options.items():
        for kind, maxshape in {"fixed": None, "rows": (None, 11), "columns": (13, None), "both": (None, None)}.items():
            file.create_dataset(f"{name}/{kind}", data=ramp(13, 11).astype("f4"), chunks=(4, 3), maxshape=maxshape, **more)
        file.create_dataset(f"{name}/single", data=ramp(5, 7).astype("f4"), chunks=(5, 7), **more)
        some = file.create_dataset(f"{name}/some", (40, 9), "i4", chunks=(3, 9), fillvalue=5, maxshape=(None, 9), **more)
        some[31:33] = 9
    file.create_dataset("long", data=ramp(3000).astype("i2"), chunks=(1,), maxshape=(None,))
    file.create_dataset("paged", data=ramp(2500).astype("i2"), chunks=(1,))
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((4, 3))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(file.id, b"early", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((13, 11)), early)
    file["early"][()] = ramp(13, 11)


def large_group(file):
    for i in range(300):
        file[f"group/weight_{i}"] = np.int8(i % 100)
    for i in range(40):
        file["group"].attrs[f"attribute_{i}"] = "x" * (20 if i else 9000)


def keras(file):
    file.attrs["backend"] = "tensorflow"
    file.attrs["layer_names"] = [b"one", b"two", b"none"]
    for layer, names in {"one": ["m/a/kernel:0", "m/shared:0"], "two": ["m/shared:0"]}.items():
        group = file.create_group(layer)
        group.attrs["weight_names0"], group.attrs["weight_names1"] = names[:1], names[1:]
        for name in names:
            group[name] = ramp(2, 2).astype("f4")
    file.create_group("none").attrs["weight_names"] = np.zeros(0)
    file["loose"] = ramp(2).astype("f4")


def external_link(file):
    file["secret"] = h5py.ExternalLink("secret.h5", "/data")


def external_storage(file):
    file.create_dataset("secret", (4,), "u1", external=[("secret.txt", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("secret.h5", "data", (4,))
    file.create_virtual_dataset("secret", layout)


def dangling(file):
    file["secret"] = h5py.SoftLink("/elsewhere/data")


def bomb(file):
    file.create_dataset("large", (50_000_000, 50_000_000), "f4", chunks=(1000, 1000), compression="gzip")


def lzf(file):
    file.create_dataset("data", data=ramp(64).astype("f4"), compression="lzf")


def cycle(file):
    file["group/data"] = ramp(2).astype("f4")
    file["group/again"] = file["group"]
    file["group/root"] = file["/"]


def bundle(save):
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "model.ckpt")
        tensors = save(prefix)
        names = sorted(name for name in os.listdir(folder) if name.startswith("model.ckpt") and not name.endswith(".meta"))
        return {"files": {name: packed(Path(folder, name).read_bytes()) for name in names}, "tensors": tensors}


def variables(sharded, parts):
    def save(prefix):
        v1 = tf.compat.v1
        with tf.Graph().as_default(), v1.Session() as session:
            made = {}
            for dtype in [tf.float32, tf.float16, tf.bfloat16, tf.float64, tf.int64, tf.uint8, tf.bool, tf.complex64]:
                made[f"types/{dtype.name}"] = v1.get_variable(f"types/{dtype.name}", initializer=tf.cast(ramp(3, 5), dtype))
            for axis in range(3):
                shape = [5, 7, 4]
                split = v1.fixed_size_partitioner(3, axis) if parts else None
                made[f"parts/{axis}"] = v1.get_variable(f"parts/{axis}", shape, tf.float32, v1.random_uniform_initializer(seed=axis), partitioner=split)
            session.run(v1.global_variables_initializer())
            v1.train.Saver(sharded=sharded).save(session, prefix, write_meta_graph=False, write_state=False)
            return {name: told(session.run(tf.convert_to_tensor(value))) for name, value in made.items()}

    return save


def objects(prefix):
    tf.train.Checkpoint(w=tf.Variable(ramp(2, 3).astype("f4"))).write(prefix)
    return {"w/.ATTRIBUTES/VARIABLE_VALUE": told(ramp(2, 3).astype("f4"))}


good = [dtypes, chunks, large_group, keras, cycle]
hdf5 = {f"{make.__name__} {libver}": h5(make, libver=libver) for make in good for libver in ["earliest", "v110", "latest"]}
hdf5["chunks v108"] = h5(chunks, libver="v108")
hdf5["dtypes user block"] = h5(dtypes, userblock_size=512)
hdf5["dtypes track order"] = h5(dtypes, track_order=True)
bad = [external_link, external_storage, virtual, dangling, lzf, bomb]
hdf5 |= {make.__name__: h5(make, told_of=False) for make in bad}
(TESTS / "hdf5" / "h5py.json").write_text(json.dumps(hdf5, indent=0) + "\n")
tensorflow = {"plain": bundle(variables(False, False)), "parts": bundle(variables(False, True)), "shards": bundle(variables(True, True)), "objects": bundle(objects)}
(TESTS / "tf-bundle" / "tensorflow.json").write_text(json.dumps(tensorflow, indent=0) + "\n")
