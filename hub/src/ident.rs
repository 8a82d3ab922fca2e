//! Ids of the hub's own things, which no Trust hears of: UUIDs of version 7, each kind a type of its own.

macro_rules! identifier {
    ($(#[$words:meta])* $name:ident) => {
        $(#[$words])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A fresh id from a moment and ten random bytes.
            pub fn new(now: flip_protocol::UnixMillis, random: &[u8; 10]) -> Self {
                Self(flip_protocol::ident::uuid_v7(now, random))
            }

            /// Its sixteen bytes.
            pub fn bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The id of these sixteen bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Uuid::from_bytes(bytes))
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

pub(crate) use identifier;
