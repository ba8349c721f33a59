"""The words in the plots: (English, Traditional Chinese)."""

LANGUAGES = ("en", "zh-Hant")

WORDS: dict[str, tuple[str, str]] = {
    # kinds of plots
    "reliability": ("Reliability diagram", "可靠度圖"),
    "roc": ("ROC curve", "ROC 曲線"),
    "precision-recall": ("Precision-recall curve", "精確率-召回率曲線"),
    "confusion": ("Confusion matrix", "混淆矩陣"),
    "audit": ("Against models that never see the lungs", "與看不到肺部的模型相比"),
    "readings": ("Beside other models of the same reports", "與使用相同報告的其他模型相比"),
    "familiarity": ("What the gate flags", "把關所標示的影像"),
    # axes and scores
    "false positive rate": ("false positive rate", "偽陽性率"),
    "recall": ("recall", "召回率"),
    "precision": ("precision", "精確率"),
    "top probability": ("probability of the most probable class", "最可能類別的機率"),
    "share right": ("how often it was right", "判斷正確的比例"),
    "expected_calibration_error": ("calibration error", "校準誤差"),
    "circles": ("a circle's area: films", "圓面積代表影像數"),
    "auroc": ("AUROC", "AUROC"),
    "average_precision": ("AP", "AP"),
    "macro_auroc": ("macro AUROC, 95 % interval by patient", "巨觀 AUROC，以病人為單位的 95 % 信賴區間"),
    "said": ("most probable class", "最可能的類別"),
    "label": ("label", "標籤"),
    "flagged": ("share of films flagged as unfamiliar", "被標示為陌生的影像比例"),
    # rows of the audit
    "this checkpoint": ("this checkpoint", "本模型"),
    "majority": ("always the majority", "永遠猜多數類別"),
    "table": ("table alone", "只看臨床欄位"),
    "text": ("text alone", "只看文字"),
    "source": ("source alone", "只看來源"),
    "thumbnail": ("film at 16 x 16 pixels", "16 x 16 像素的影像"),
    "shuffled labels": ("shuffled labels", "打亂的標籤"),
    "TF-IDF, whole report": ("TF-IDF, whole report", "TF-IDF，整份報告"),
    "TF-IDF, indication only": ("TF-IDF, indication only", "TF-IDF，僅檢查原因"),
    "film alone": ("this checkpoint, film alone", "本模型，只看影像"),
    # kinds of films at the gate
    "validation films": ("validation films", "驗證影像"),
    "other hospital": ("another hospital's chest films", "另一家醫院的胸部影像"),
    "inverted": ("inverted films", "黑白反轉的影像"),
    "lateral": ("lateral films", "側面影像"),
    "rotated 90": ("films turned by 90°", "旋轉 90° 的影像"),
    "rotated 180": ("films upside down", "上下顛倒的影像"),
    "part of a film": ("a quarter of a film", "影像的四分之一"),
    "noise": ("noise", "雜訊"),
    "photographs": ("photographs", "一般照片"),
    "phantoms": ("synthetic films", "合成影像"),
    "chest films": ("real chest films", "真實胸部影像"),
    # classes
    "Negative": ("Negative", "陰性"),
    "Typical": ("Typical", "典型"),
    "Indeterminate": ("Indeterminate", "不確定"),
    "Atypical": ("Atypical", "非典型"),
    "Mild": ("Mild", "輕度"),
    "Moderate": ("Moderate", "中度"),
    "Severe": ("Severe", "重度"),
}
