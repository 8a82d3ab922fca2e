//! What a pickle of weights or arrays may name. Everything else is refused, however harmless it may be.
//!
//! What must stay true: no entry imports, calls or looks up what its arguments name; `getattr`, `partial`, `copyreg`,
//! loaders of further pickles (`torch.storage._load_from_bytes`, `joblib`) and codecs by name are not here.

/// What may be done with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is only ever handed to another.
    Named,
    /// It may be called.
    Called,
    /// It may be called, and what it gives may be given a state.
    Built,
    /// `_codecs.encode`: by Latin-1 alone, as Python writes bytes in protocol 2 and before.
    Latin1,
    /// `bytes`: of nothing alone. Of a number it would be so many zeros.
    Empty,
    /// `_reconstruct`: an array of nothing, which its state fills. Of a large shape it would take as much memory.
    Array,
}

/// The use of a name; `None` where it is not let in.
pub fn listed(module: &str, name: &str) -> Option<Use> {
    LISTED.iter().find(|(modules, names, _)| modules.contains(&module) && names.contains(&name)).map(|l| l.2)
}

const MULTIARRAY: &[&str] = &["numpy.core.multiarray", "numpy._core.multiarray"];
const NUMERIC: &[&str] = &["numpy.core.numeric", "numpy._core.numeric"];

const LISTED: &[(&[&str], &[&str], Use)] = &[
    (&["collections"], &["OrderedDict"], Use::Built),
    (&["builtins", "__builtin__"], &["complex", "frozenset", "set", "slice"], Use::Called),
    (&["builtins", "__builtin__"], &["bytes"], Use::Empty),
    (&["_codecs"], &["encode"], Use::Latin1),
    (MULTIARRAY, &["_reconstruct"], Use::Array),
    (MULTIARRAY, &["scalar"], Use::Called),
    (NUMERIC, &["_frombuffer"], Use::Called),
    (&["numpy"], &["dtype"], Use::Built),
    (&["numpy"], &["ndarray"], Use::Named),
    (&["torch._utils"], &["_rebuild_tensor_v2", "_rebuild_parameter"], Use::Called),
    (&["torch"], &["Size", "device"], Use::Called),
    (
        &["torch"],
        &[
            "BFloat16Storage",
            "BoolStorage",
            "ByteStorage",
            "CharStorage",
            "ComplexDoubleStorage",
            "ComplexFloatStorage",
            "DoubleStorage",
            "FloatStorage",
            "HalfStorage",
            "IntStorage",
            "LongStorage",
            "ShortStorage",
            "bfloat16",
            "bool",
            "complex128",
            "complex64",
            "float16",
            "float32",
            "float64",
            "int16",
            "int32",
            "int64",
            "int8",
            "uint8",
        ],
        Use::Named,
    ),
    (&["torch.storage"], &["UntypedStorage"], Use::Named),
];
