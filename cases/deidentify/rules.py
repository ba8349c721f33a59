"""What in a free text names somebody, a day or a place, by its look: patterns, mostly for English, and what
takes its place.

Numbers, days and ages follow HIPAA 45 CFR 164.514(b)(2). A year alone may stay.
"""

_CJK = r"\u3400-\u9fff\uf900-\ufaff"
LEFT, RIGHT = rf"(?<![^\W{_CJK}])", rf"(?![^\W{_CJK}])"
"""The edges of a word, where Chinese characters, which stand without spaces, count as its outside."""
CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’\-]+"
_FULL_NAME = rf"{CAPITAL}(?:,? (?:[A-Z]\.? ?)?{CAPITAL}){{0,2}}"
_ANY_WORD = r"[^\W\d_][\w'’\-]+"
_ANY_NAME = r"[^\W\d_][\w'’\-]+(?: [^\W\d_][\w'’\-]+){0,2}"

_MONTH = (
    r"(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|"
    r"[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?)"
)
_FOREIGN_MONTH = (
    r"(?i:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|"
    r"janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    r"gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|"
    r"janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|"
    r"januari|februari|maart|mei|augustus)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_ONES = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_TEENS = "tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth"
_ORDINAL = rf"(?i:(?:twenty|thirty)[ \-](?:{_ONES})|twentieth|thirtieth|{_TEENS}|{_ONES})"
_YEAR = r"(?:(?:19|20)\d\d|\d\d)"
_CHINESE_NUMBER = r"[\d〇○零一二三四五六七八九十]"

RULES: dict[str, tuple[str, ...]] = {
    "PERSON": (
        rf"{LEFT}(?:Dr|Drs|Mr|Mrs|Ms|Miss|Prof|Professor|Doctor|Nurse|Sister|Herr|Frau|Señora?|Sra|Mme|Mlle|"
        rf"Monsieur|Madame|Signora?|Dott|Dhr|Mevr){RIGHT}\.? {_FULL_NAME}",
        rf"{LEFT}(?i:patient(?:'s)? name|pt name|name|referr(?:ing|ed by)(?: physician)?|dictated by|"
        rf"signed by|read by|attending|physician|radiologist|surname)(?: ?: ?| is | ){_FULL_NAME}",
        rf"{LEFT}(?i:patient(?:'s)? name|pt name|name|surname|nom|nombre|nachname|vorname|apellidos?|nome|"
        rf"cognome) ?[:：] ?{_ANY_NAME}",
        rf"{LEFT}(?i:patient|pt|paciente|patiente) ?[:：] ?{_FULL_NAME}",
        rf"(?i)(?:(?<=by )|(?<=to )|(?<=with )|(?<=told )|"
        rf"(?<=per )|(?<=from )|(?<=for ))(?:dr|mr|mrs|prof)\.? {_ANY_WORD}(?-i:(?: {CAPITAL})?)",
        rf"(?i){LEFT}(?:dr|mr|mrs|prof)\. ?{_ANY_WORD}(?-i:(?: {CAPITAL})?)",
        rf"{LEFT}(?:husband|wife|son|daughter|mother|father|brother|sister|partner|carer|caregiver|friend|"
        rf"neighbou?r),? {CAPITAL}(?: {CAPITAL})?",
        rf"{LEFT}{CAPITAL}(?: {CAPITAL})?, (?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?)(?=\W|$)",
        rf"(?:姓名|病患|病人|患者|醫師|医师|醫生|医生) ?[:：] ?[{_CJK}·]{{2,4}}",
    ),
    "DATE_TIME": (
        rf"{LEFT}{_MONTH}\.? (?:the )?{_DAY}(?:,? ?(?:19|20)\d\d)?{RIGHT}",
        rf"{LEFT}{_DAY}[ \-](?:of )?{_MONTH}\.?(?:[ ,\-]+{_YEAR})?{RIGHT}",
        rf"{LEFT}{_DAY}[ \-](?i:{_MONTH})[ \-](?:19|20)\d\d{RIGHT}",
        rf"{LEFT}{_MONTH}\.?,? (?:of )?(?:19|20)\d\d{RIGHT}",
        rf"{LEFT}{_ORDINAL} (?:day )?of {_MONTH}(?:,? (?:19|20)\d\d)?{RIGHT}",
        rf"{LEFT}{_MONTH} the {_ORDINAL}(?:,? (?:19|20)\d\d)?{RIGHT}",
        rf"{LEFT}{_DAY}\.? (?:de )?{_FOREIGN_MONTH}(?:,? (?:de )?(?:19|20)\d\d)?{RIGHT}",
        rf"{LEFT}{_FOREIGN_MONTH} (?:de )?(?:19|20)\d\d{RIGHT}",
        rf"{LEFT}(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01]){RIGHT}",
        rf"(?<![\d.])(?:0?[1-9]|[12]\d|3[01])([./\-])(?:0?[1-9]|[12]\d|3[01])\1{_YEAR}{RIGHT}(?!\.\d)",
        rf"{LEFT}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]){RIGHT}",
        r"(?i:\b(?:on|since|dated?|until|till|vom|seit|am|le|del)) (?:0?[1-9]|[12]\d|3[01])[./](?:0?[1-9]|"
        rf"[12]\d|3[01])\.?{RIGHT}(?![./]?\d)",
        rf"{LEFT}(?i:spring|summer|autumn|fall|winter|early|mid|late)(?: |-|of )+(?:19|20)\d\d{RIGHT}",
        rf"{LEFT}(?:Christmas|Easter|Thanksgiving|New Year(?:['’]s)?|Halloween)(?: Day| Eve)?"
        rf"(?: ?(?:19|20)\d\d)?{RIGHT}",
        rf"(?:(?:民國|民国)? ?{_CHINESE_NUMBER}{{2,4}} ?年 ?)?{_CHINESE_NUMBER}{{1,3}} ?月"
        rf"(?: ?{_CHINESE_NUMBER}{{1,3}} ?[日號号])",
        rf"(?:民國|民国)? ?{_CHINESE_NUMBER}{{2,4}} ?年 ?{_CHINESE_NUMBER}{{1,3}} ?月",
    ),
    "NUMBER": (
        rf"(?i){LEFT}(?:mrn|acc(?:ession)?|medical record|record|case|patient|chart|visit|exam|id|ssn|nhs|"
        rf"hosp(?:ital)?|hn|pid)(?: (?:no|number|num|id))?\b\.?[ :#/\-]*(?=[\w\-/]*\d{{3}})[\w\-/]{{4,}}",
        rf"(?i){LEFT}(?:mrn|pid|medical record|accession|病歷號碼?|病历号码?|身分證字?號?|身份证号?)"
        rf"(?: (?:no|number))?\.? ?[:：#]? ?(?=[\w\-/]*\d)[A-Za-z\d][A-Za-z\d\-/]{{2,}}",
        rf"(?i){LEFT}id ?[:#] ?(?=[\w\-/]*\d)[A-Za-z\d][A-Za-z\d\-/]{{2,}}",
        rf"{LEFT}\d{{3}}-\d{{2}}-\d{{4}}{RIGHT}",
        rf"{LEFT}[A-Z]{{2,3}}-\d{{4}}{RIGHT}",
        rf"{LEFT}(?=(?:[ \-]*\d){{6}})\d[\d \-]{{5,}}\d{RIGHT}",
        rf"{LEFT}[A-Z]{{1,4}}\d{{5,}}{RIGHT}",
    ),
    "AGE": (
        rf"{LEFT}(?:9\d|1[01]\d)[ \-]*(?:y\.?/?o\.?\b|years?[ \-]old|year[ \-]old|yrs?\b|jährig|歲|岁|ans\b)",
        rf"(?i){LEFT}(?:aged?|age of|age is|age:) ?(?:9\d|1[01]\d){RIGHT}",
        rf"{LEFT}(?:9\d|1[01]\d)(?:[MmFf]|yo){RIGHT}(?<!9[89][Ff])",
        rf"(?i){LEFT}(?:ninety(?:[ \-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one |a )?hundred"
        r"(?:[ \-](?:and )?\w+)?)[ \-]years?[ \-]old",
        rf"(?i){LEFT}(?:nonagenarian|centenarian)s?{RIGHT}",
    ),
    "URL": (
        r"\bhttps?://\S+",
        r"\bwww\.\S+",
        r"(?<![\w.])@\w{3,}",
        r"(?i)\b[\w.\-]+ at [\w\-]+ dot [a-z]{2,4}\b",
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    ),
    "PLACE": (
        rf"{LEFT}\d{{1,5}}[A-Za-z]? (?:{CAPITAL} ){{1,3}}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Boulevard|Blvd|"
        rf"Drive|Terrace|Square){RIGHT}\.?(?:,? {CAPITAL}){{0,2}}",
        rf"{LEFT}[A-ZÄÖÜ][\wäöüß\-]+(?:straße|strasse|str\.|allee|gasse) \d{{1,4}}[a-z]?{RIGHT}",
        rf"{LEFT}(?:{CAPITAL} )+(?:[A-Z]{{2}} )?(?:Hospital|Clinic|Infirmary|Medical Cent(?:er|re)){RIGHT}",
        rf"{LEFT}[A-Z]{{2}} \d{{5}}(?:-\d{{4}})?{RIGHT}",
        rf"[{_CJK}]{{2,3}}[市縣县][{_CJK}\d]{{1,12}}[路街巷](?:[{_CJK}\d]{{0,10}}[號号])?",
        rf"[{_CJK}]{{2,6}}(?:醫院|医院|診所|诊所)",
    ),
}
"""Kind -> patterns; a rule names what it finds by its kind."""
PLACEHOLDERS = {
    "PERSON": "[name]", "DATE_TIME": "[date]", "NUMBER": "[number]", "AGE": "[over 89 years old]",
    "URL": "[address]", "EMAIL_ADDRESS": "[address]", "PHONE_NUMBER": "[number]", "US_SSN": "[number]",
    "PLACE": "[place]",
}  # fmt: skip
ORDER = ("PERSON", "EMAIL_ADDRESS", "URL", "DATE_TIME", "AGE", "US_SSN", "NUMBER", "PHONE_NUMBER", "PLACE")
"""Of two finds of one length, the earlier kind counts."""
