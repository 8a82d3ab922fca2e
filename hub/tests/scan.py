"""Makes harmless and harmful files for tests/scan.rs. Nothing is loaded here; torch's archives are made by hand in
the format of torch.save (zip64, stored, one data.pkl with persistent ids), since torch is too large to install."""

import collections
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path

import numpy

root = Path(sys.argv[1])
harmless, harmful = root / "harmless", root / "harmful"
harmless.mkdir(), harmful.mkdir()


class Call:
    def __init__(self, called, *arguments):
        self.called, self.arguments = called, arguments

    def __reduce__(self):
        return self.called, self.arguments


class Stateful:
    def __reduce__(self):
        return collections.OrderedDict, (), {"x": Call(os.system, "true")}


plain = {"a": [1, 2.5, None, True, 10**40], "b": (b"bytes", "text", {1, 2}, frozenset([3])), "c": {"d": -1, "é": "ü"}}
arrays = {
    "floats": numpy.arange(12, dtype="f4").reshape(3, 4),
    "fortran": numpy.asfortranarray(numpy.ones((3, 2))),
    "texts": numpy.array(["a", "bc"]),
    "none": numpy.zeros((0, 3)),
    "scalar": numpy.float64(2.5),
    "objects": numpy.array([{"a": 1}, None], dtype=object),
}
for protocol in range(6):
    def save(folder, name, value):
        (folder / f"{name}-{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
    save(harmless, "plain", plain)
    save(harmless, "ordered", collections.OrderedDict(weights=arrays["floats"]))
    save(harmless, "many", list(range(5000)))
    save(harmless, "long", {"text": "x" * 100_000, "bytes": b"y" * 100_000})
    for name, array in arrays.items():
        save(harmless, name, array)
    save(harmful, "system", Call(os.system, "true"))
    save(harmful, "eval", Call(eval, "1"))
    save(harmful, "nested", [1, {"a": (Call(exec, "1"),)}])
    save(harmful, "inner", numpy.array([Call(os.system, "true")], dtype=object))
    save(harmful, "getattr", Call(getattr, collections.OrderedDict, "fromkeys"))
    save(harmful, "state", Stateful())
    save(harmful, "unlisted", collections.Counter("abc"))
    save(harmful, "named", os.system)

two = pickle.dumps(1) + pickle.dumps([2])
(harmless / "two.pkl").write_bytes(two)
bad = pickle.dumps(Call(os.system, "true"))
raw = {
    "second.pkl": pickle.dumps(1) + bad,
    "tail.pkl": pickle.dumps(1) + b"more",
    "empty.pkl": b"",
    "memo.pkl": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940\x30h\x00h\x01\x93\x8c\x04true\x85R.",
    "memo-put.pkl": b"\x80\x04\x8c\x02osr\x00\x10\x00\x000\x8c\x06systemq\x050j\x00\x10\x00\x00h\x05\x93\x8c\x04true\x85R.",
    "get-line.pkl": b"S'os'\np7\n0S'system'\np8\n0g7\ng8\n\x93(S'true'\ntR.",
    "escape.pkl": b"V\\u006fs\nVsystem\n\x93(S'true'\ntR.",
    "dotted.pkl": b"\x80\x04\x8c\x0bcollections\x8c\x16OrderedDict.__init__.x\x93.",
    "inst.pkl": b"(S'true'\nios\nsystem\n.",
    "obj.pkl": b"(cos\nsystem\nS'true'\no.",
    "newobj.pkl": b"\x80\x02csubprocess\nPopen\nK\x01\x85\x81.",
    "newobj-ex.pkl": b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93)}\x92.",
    "extension.pkl": b"\x80\x02\x82\x01.",
    "extension-4.pkl": b"\x80\x02\x84\x01\x00\x00\x00.",
    "persistent.pkl": b"Pid\n.",
    "persistent-binary.pkl": b"\x80\x02K\x01Q.",
    "buffer.pkl": b"\x80\x05\x97.",
    "encode.pkl": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00zlib\x86R.",
    "call-named.pkl": b"\x80\x02cnumpy\nndarray\nK\x05\x85\x85R.",
    "build-class.pkl": b"\x80\x02ccollections\nOrderedDict\n}b.",
    "build-dict.pkl": b"\x80\x02}}b.",
    "fill-class.pkl": b"\x80\x02ccollections\nOrderedDict\nK\x01K\x02s.",
    "call-made.pkl": b"\x80\x02ccollections\nOrderedDict\n)R)R.",
    "call-text.pkl": b"\x80\x02X\x02\x00\x00\x00os)R.",
    "underflow.pkl": b"\x80\x020.",
    "no-mark.pkl": b"\x80\x02K\x01t.",
    "past-mark.pkl": b"\x80\x02K\x01(\x85.",
    "length.pkl": b"\x80\x02B\xff\xff\xff\xff.",
    "length-8.pkl": b"\x80\x04\x8e" + b"\xff" * 8 + b".",
    "protocol.pkl": b"\x80\x09N.",
    "opcode.pkl": b"\x80\x02N\xff.",
    "deep.pkl": b"\x80\x02" + b"(" * 1_100_000 + b"N.",
    "pickle.txt": b"cos\nsystem\n(S'true'\ntR.",
    "inst.csv": b"(S'true'\nios\nsystem\n.",
    "pickle.py": bad,
    "pickle.safetensors": bad,
    "pickle.pt": bad,
    "legacy.pth": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2),
    "zipped.pkl.gz": b"\x1f\x8b" + b"0" * 30,
    "zipped.pkl": b"\x1f\x8b" + b"0" * 30,
    "zero.txt": b"a\0b",
    "latin.txt": b"\xe9t\xe9",
    "no-ending": b"a",
    "program.exe": b"MZ",
}
for name, content in raw.items():
    (harmful / name).write_bytes(content)

(harmless / "train.py").write_text("import torch\n\n\ndef train():\n    return torch.nn.Linear(1, 1)\n")
(harmless / "config.json").write_text(json.dumps({"rounds": 3}))
(harmless / "words.txt").write_text("Not a pickle.\ncsv\nfoo\n")

for name, array in arrays.items():
    if name != "objects":
        numpy.save(harmless / f"{name}.npy", array)
numpy.save(harmless / "object-array.npy", arrays["objects"], allow_pickle=True)
numpy.savez(harmless / "stored.npz", **arrays)
numpy.savez_compressed(harmless / "packed.npz", **arrays)
evil = numpy.array([Call(os.system, "true")], dtype=object)
numpy.save(harmful / "objects.npy", evil, allow_pickle=True)
numpy.savez(harmful / "objects.npz", ok=arrays["floats"], evil=evil)
numpy.savez_compressed(harmful / "packed.npz", evil=evil)
numpy.savez_compressed(harmful / "bomb.npz", zeros=numpy.zeros(100_000_000, dtype="u1"))
numpy.save(harmful / "columns.npy", numpy.zeros(1, dtype=[("a", "O")]), allow_pickle=True)


# PyTorch's format.
def module(name, **names):
    made = types.ModuleType(name)
    for key, value in names.items():
        value.__module__, value.__qualname__, value.__name__ = name, key, key
        setattr(made, key, value)
    sys.modules[name] = made
    return made


class FloatStorage:
    pass


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError


module("torch", FloatStorage=FloatStorage)
module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)


class Storage:
    def __init__(self, key, size):
        self.key, self.size = key, size


class Tensor:
    def __init__(self, key, size):
        self.storage = Storage(key, size)

    def __reduce__(self):
        return _rebuild_tensor_v2, (self.storage, 0, (self.storage.size,), (1,), False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", FloatStorage, value.key, "cpu", value.size


def pickled(value):
    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    return out.getvalue()


def archive(path, files, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in files.items():
            with out.open(name, "w", force_zip64=True) as entry:
                entry.write(content)


state = collections.OrderedDict([("layer.weight", Tensor("0", 4)), ("layer.bias", Tensor("1", 2))])
state._metadata = collections.OrderedDict([("", {"version": 1})])
good = {"m/data.pkl": pickled(state), "m/byteorder": b"little", "m/data/0": b"\0" * 16, "m/data/1": b"\0" * 8, "m/version": b"3\n"}
archive(harmless / "state-dict.pt", good)
archive(harmful / "system.pt", good | {"m/data.pkl": pickled([state, Call(os.system, "true")])})
archive(harmful / "script.pt", good | {"m/code/__torch__.py": b"x"})
archive(harmful / "two.pt", good | {"n/data.pkl": bad})
archive(harmful / "none.pt", {"m/version": b"3\n"})
archive(harmful / "deflated.pt", good, zipfile.ZIP_DEFLATED)
archive(harmful / "state-dict.txt", good)
archive(harmful / "text.npz", {"a.txt": b"x"})
archive(harmful / "fake.npz", {"a.npy": bad})
whole = (harmless / "state-dict.pt").read_bytes()
(harmful / "behind.pt").write_bytes(whole + b"x")
(harmful / "before.pt").write_bytes(b"PKxx" + whole)
archive(harmful / "evil.zip", {"m/data.pkl": bad})
(harmful / "twice.pt").write_bytes((harmful / "evil.zip").read_bytes() + whole)
end = len(whole) - 22
count, length, begin = struct.unpack("<10xHII2x", whole[end:])


def with_long_end(begin_said):
    """The same archive with the longer end that PyTorch always writes."""
    long = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, length, begin)
    locator = struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    return whole[:end] + long + locator + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, length, begin_said, 0)


(harmless / "long-end.pt").write_bytes(with_long_end(begin))
(harmless / "long-end-alone.pt").write_bytes(with_long_end(0xFFFFFFFF))
(harmful / "two-ends.pt").write_bytes(with_long_end(begin - 1))
encrypted = bytearray(whole)
encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
(harmful / "encrypted.pt").write_bytes(encrypted)
renamed = bytearray(whole)
renamed[30] ^= 1
(harmful / "renamed.pt").write_bytes(renamed)


# safetensors.
def tensors(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


one = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
tensors(harmless / "tensors.safetensors", {"__metadata__": {"format": "pt"}, "a": one}, b"\0" * 8)
tensors(harmful / "short.safetensors", {"a": one}, b"\0" * 7)
tensors(harmful / "overlap.safetensors", {"a": one, "b": one}, b"\0" * 8)
tensors(harmful / "huge.safetensors", {"a": one | {"shape": [2**40, 2**40]}}, b"\0" * 8)
tensors(harmful / "kind.safetensors", {"a": one | {"dtype": "OBJ"}}, b"\0" * 8)
(harmful / "header.safetensors").write_bytes(struct.pack("<Q", 2**63))
