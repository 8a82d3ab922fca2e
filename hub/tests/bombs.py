"""Makes files that are small and cost much to whoever looks into them or loads them: nothing is loaded here. Each line of
bombs.txt has a file's name and words of its refusal."""

import io
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy

root = Path(sys.argv[1])
bombs = {}


def bomb(name, content, words):
    (root / name).write_bytes(content)
    bombs[name] = words


values = "at most 1,000,000 values at once"
bomb("marks.pkl", b"\x80\x02" + b"(" * 2_000_000 + b"N.", values)
bomb("deep-lists.pkl", b"\x80\x02" + b"]" * 2_000_000 + b"a" * 1_999_999 + b".", values)
bomb("deep-tuples.pkl", b"\x80\x02)" + b"\x85" * 2_000_000 + b".", "tuples lie at most 1,000 deep")
bomb("texts.pkl", b"\x80\x04(" + (b"\x8c\x7f" + b"x" * 127) * 1_000_001 + b"l.", values)
bomb("memo.pkl", b"\x80\x02" + b"".join(b"K\x01r" + struct.pack("<I", key) + b"0" for key in range(1_000_001)) + b"N.", "memo has at most 1,000,000 places")
bomb("memo-far.pkl", b"\x80\x02Nr\xff\xff\xff\xff.", "memo has at most 1,000,000 places")
bomb("memo-line.pkl", b"Np4294967294\n.", "memo has at most 1,000,000 places")
bomb("digits.pkl", b"I" + b"9" * 1_000_000 + b"\n.", "a number has at most 4,300 digits")
bomb("digits-long.pkl", b"L" + b"9" * 5_000 + b"L\n.", "a number has at most 4,300 digits")
bomb("long-text.pkl", b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.", "it ends too early")
bomb("long-number.pkl", b"\x80\x02\x8b\xff\xff\xff\x7f1.", "it ends too early")
bomb("bytes.pkl", b"\x80\x02c__builtin__\nbytes\nL10000000000L\n\x85R.", "makes bytes of what may be a number")
bomb("bytes-newobj.pkl", b"\x80\x02c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85\x81.", "makes bytes of what may be a number")
bomb("bytes-named.pkl", b"\x80\x04\x8c\x08builtins\x8c\x05bytes\x93)}\x8c\x06sourceJ\xff\xff\xff\x7fs\x92.", "makes bytes of what may be a number")
array = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
bomb("array.pkl", array + b"J\xff\xff\xff\x7f\x85U\x01b\x87R.", "makes an array that is not empty at first")
# A tuple of twice the same tuple, forty deep, as a key: its hash takes 2^40 steps.
twice = b"\x80\x02}" + b"K\x01\x85" + b"q\x00h\x00\x86" * 40 + b"K\x01s."
bomb("laughs.pkl", twice, "a tuple has at most 1,000,000 values")


def archive(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as entries:
        for name, content in files:
            entries.writestr(name, content)
    return out.getvalue()


ratio = "at most 100 times its own size"
zeros = io.BytesIO()
numpy.save(zeros, numpy.zeros(200_000_000, dtype="u1"))
ten = archive([("zeros.npy", zeros.getvalue())])
bomb("ratio.npz", ten, ratio)
bomb("nested.npz", archive([(f"{at}.npz", ten) for at in range(10)], zipfile.ZIP_STORED), "“0.npz”, which has no place in it")
bomb("nested.pt", archive([("m/data.pkl", pickle.dumps(1)), ("m/inner.zip", ten)], zipfile.ZIP_STORED), "“m/inner.zip”, which has no place in it")
bomb("deflated.pt", archive([("m/data.pkl", pickle.dumps(b"\0" * 50_000_000))]), "PyTorch compresses nothing")
inner = archive([("marks.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 54) + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}" + b"\x80\x02" + b"(" * 2_000_000)] + [("pad.npy", zeros.getvalue()[:128] + bytes(numpy.random.default_rng(1).integers(0, 256, 100_000, dtype="u1")))])
bomb("pickle-inside.npz", inner, values)
many = [(f"m/data/{at}", b"") for at in range(110_000)]
bomb("many.pt", archive([("m/data.pkl", pickle.dumps(1))] + many, zipfile.ZIP_STORED), "at most 100,000 files")


def overlapping(count):
    """One body that many entries of the directory call theirs."""
    packed = zlib.compress(b"\0" * 10_000_000, 9)[2:-4]
    crc = zlib.crc32(b"\0" * 10_000_000)
    bodies, directory = b"", b""
    sizes = struct.pack("<III", crc, len(packed), 10_000_000)
    for at in range(count):
        name = b"%06d.npy" % at
        directory += struct.pack("<IHHHHHH", 0x02014B50, 20, 20, 0, 8, 0, 33) + sizes
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, at * (30 + len(name))) + name
        # Each head lies in what the entries before it call their body.
        bodies += struct.pack("<IHHHHH", 0x04034B50, 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", len(name), 0) + name
    bodies += packed
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), len(bodies), 0)
    return bodies + directory + end


bomb("overlapping.npz", overlapping(1_000), "entries overlap")


def tensors(text):
    return struct.pack("<Q", len(text)) + text


bomb("names.safetensors", tensors(b'{"":0' + b"".join(b',"%x":0' % at for at in range(1_500_000)) + b"}"), "no JSON object of tensors")
nothing = b'{"dtype":"U8","shape":[0],"data_offsets":[%d,%d]}'
bomb("many.safetensors", tensors(b"{" + b"".join(b'"%x":' % at + nothing % (0, 0) + b"," for at in range(260_000)) + b'"z":' + nothing % (1, 1) + b"}"), "overlap, or leave a gap")
bomb("metadata.safetensors", tensors(b'{"__metadata__":{' + b",".join(b'"%x":""' % at for at in range(1_400_000)) + b'},"a":0}'), "no JSON object of tensors")
bomb("deep.safetensors", tensors(b'{"a":' + b"[" * 10_000_000), "no JSON object of tensors")
bomb("header.safetensors", struct.pack("<Q", 2**40) + b"{}", "at most 16 MiB")
bomb("text.json", b"[" * (17 * 1024 * 1024), "at most 16 MiB")
(root / "bombs.txt").write_text("".join(f"{name}\t{words}\n" for name, words in bombs.items()))
