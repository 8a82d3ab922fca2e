//! What a model is to the hub: an id that stays, and the job that it is for, which says which files its engine needs. Pure.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ident::identifier;

identifier! {
    /// A model of a project. A UUID of version 7.
    ModelId
}

identifier! {
    /// A file of a model. A UUID of version 7, by which its bytes are kept too.
    FileId
}

/// Whether a file that a job needs is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It was found clean.
    Here,
    /// It is brought or scanned now.
    Coming,
    /// It is not.
    Missing,
}

macro_rules! job_types {
    ($($name:ident $code:literal $words:literal [$($file:literal),*])*) => {
        /// What a model's files are for: an engine, and what it does with them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum JobType {
            $(#[doc = $words] $name,)*
        }

        impl JobType {
            /// Every one, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As in the ledger, the API and pages.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it is, in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The files that it cannot do without, by their names.
            pub fn required(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($file),*],)* }
            }
        }
    };
}

// As FLIP's manifests have it, whose templates bring the rest.
job_types! {
    FlowerStandard   "flower-standard"    "Flower: train a model"               ["client_app.py", "config.json", "models.py"]
    FlowerEvaluation "flower-evaluation"  "Flower: evaluate a model"            ["client_app.py", "config.json", "models.py"]
    FlareStandard    "nvflare-standard"   "NVFLARE: train a model"              ["trainer.py", "config.json", "models.py"]
    FlareFedOpt      "nvflare-fed_opt"    "NVFLARE: train with an optimiser at the hub" ["trainer.py", "config.json", "models.py"]
    FlareDiffusion   "nvflare-diffusion_model" "NVFLARE: train a diffusion model" ["trainer.py", "config.json", "models.py"]
    FlareEvaluation  "nvflare-evaluation" "NVFLARE: evaluate a model"           ["evaluator.py", "config.json", "models.py"]
}

impl JobType {
    /// Each file that it cannot do without, and whether it is among those whose names and states these are.
    pub fn needs(self, files: &[(&str, Need)]) -> Vec<(&'static str, Need)> {
        let of = |required: &str| {
            let found = || files.iter().filter(|(name, _)| *name == required).map(|(_, need)| *need);
            // A newer one that comes takes nothing away from the clean one.
            let best = [Need::Here, Need::Coming].into_iter().find(|best| found().any(|need| need == *best));
            best.unwrap_or(Need::Missing)
        };
        self.required().iter().map(|required| (*required, of(required))).collect()
    }
}

impl Serialize for JobType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The text names no job type.
#[derive(Debug, thiserror::Error)]
#[error("a job type is one of: {}", JobType::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "))]
pub struct NoJobType;

impl FromStr for JobType {
    type Err = NoJobType;

    fn from_str(text: &str) -> Result<Self, NoJobType> {
        Self::ALL.iter().copied().find(|one| one.name() == text).ok_or(NoJobType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_types_have_names_of_their_own_and_no_file_twice() {
        for one in JobType::ALL {
            assert_eq!(one.name().parse::<JobType>().unwrap(), *one);
            let mut files = one.required().to_vec();
            files.sort_unstable();
            files.dedup();
            assert_eq!(files.len(), one.required().len());
        }
        let files = [("models.py", Need::Coming), ("models.py", Need::Here), ("config.json", Need::Coming)];
        assert_eq!(
            JobType::FlowerStandard.needs(&files),
            [("client_app.py", Need::Missing), ("config.json", Need::Coming), ("models.py", Need::Here)]
        );
        assert!("standard".parse::<JobType>().unwrap_err().to_string().contains("flower-standard"));
    }
}
