"""How student projects and hospitals spell clinical fields, labels, categories and units.

Names are compared in lower case, letters and digits only.
"""

from modeling.labels import TaskName

FIELD_NAMES = {
    "age": "age",
    "patientage": "age",
    "sex": "sex",
    "gender": "sex",
    "patientsex": "sex",
    "viewposition": "view_position",
    "view": "view_position",
    "projection": "view_position",
    "rtpcr": "rt_pcr",
    "pcr": "rt_pcr",
    "rtpcrresult": "rt_pcr",
    "covidtest": "rt_pcr",
    "temperature": "temperature",
    "temp": "temperature",
    "bodytemperature": "temperature",
    "spo2": "spo2",
    "o2saturation": "spo2",
    "oxygensaturation": "spo2",
    "respiratoryrate": "respiratory_rate",
    "resprate": "respiratory_rate",
    "rr": "respiratory_rate",
    "crp": "crp",
    "creactiveprotein": "crp",
    "ddimer": "d_dimer",
    "ldh": "ldh",
    "lactatedehydrogenase": "ldh",
    "leukocytes": "leukocytes",
    "leucocytes": "leukocytes",
    "wbc": "leukocytes",
    "whitebloodcells": "leukocytes",
    "lymphocytes": "lymphocytes",
    "neutrophils": "neutrophils",
    "po2": "po2",
    "pao2": "po2",
    "pco2": "pco2",
    "paco2": "pco2",
}
LABEL_NAMES = {
    "appearance": TaskName.APPEARANCE,
    "covidappearance": TaskName.APPEARANCE,
    "class": TaskName.APPEARANCE,
    "classlabel": TaskName.APPEARANCE,
    "classification": TaskName.APPEARANCE,
    "grading": TaskName.GRADING,
    "grade": TaskName.GRADING,
    "gradelabel": TaskName.GRADING,
    "airspacediseasegrading": TaskName.GRADING,
    "severity": TaskName.GRADING,
}
TEXT_NAMES = {
    "indication": "indication",
    "clinicalindication": "indication",
    "clinicalhistory": "indication",
    "history": "indication",
    "reasonforexam": "indication",
    "symptoms": "indication",
    "findings": "findings",
    "impression": "impression",
}
