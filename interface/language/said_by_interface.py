"""What the screen and the API refuse in words of their own, in Traditional Chinese."""

SENTENCES: dict[str, str] = {
    "This study has no film to change; open a case with a film.": (
        "此檢查沒有可更改的影像；請開啟有影像的病例。"
    ),
    "Prevalence, sensitivity and specificity lie between 0 and 100 %; correct them.": (
        "盛行率、敏感度與特異度須介於 0 與 100 % 之間；請更正。"
    ),
    "Something went wrong on our side; try again, or open another case.": (
        "我們這邊發生錯誤；請再試一次，或開啟其他病例。"
    ),
    "The checkpoint could not be loaded because of a fault on our side; press Try again, or read the log.": (
        "因我們這邊的錯誤，無法載入模型；請按「再試一次」，或查閱紀錄。"
    ),
    "The checkpoint {name} is still loading; try again in a few seconds.": (
        "模型 {name} 仍在載入；請過幾秒再試。"
    ),
    "There is no checkpoint '{name}' here; choose one of {names}, or leave it empty.": (
        "這裡沒有模型「{name}」；請從 {names} 中選擇，或留空。"
    ),
    "{target} was not predicted for this study; choose another target.": (
        "此檢查沒有 {target} 的預測；請選擇其他目標。"
    ),
    "The {section} must be text; write it in words or leave it empty.": (
        "「{section}」必須是文字；請以文字書寫或留空。"
    ),
    "The {section} is longer than {limit} characters; shorten it.": (
        "「{section}」超過 {limit} 個字元；請縮短。"
    ),
    "The film must be sent as base64 text; encode the file and try again.": (
        "影像必須以 base64 文字傳送；請編碼後再試一次。"
    ),
    "The film is not valid base64; encode the whole file and try again.": (
        "影像不是有效的 base64；請將整個檔案編碼後再試一次。"
    ),
    "This file is larger than 90 MB; export the film as a compressed DICOM or PNG.": (
        "此檔案超過 90 MB；請以壓縮的 DICOM 或 PNG 匯出影像。"
    ),
    "The marked region could not be read; clear it and mark it again.": (
        "無法讀取標記的區域；請清除後重新標記。"
    ),
    "The map cannot be '{given}'; choose one of {names}.": "圖不可為「{given}」；請從 {names} 中選擇。",
    "The explanation was stopped.": "解釋已停止。",
    "The table must be an object of clinical fields and values; see clinical_fields.": (
        "table 必須是臨床欄位與數值的物件；請見 clinical_fields。"
    ),
    "The {what} cannot be '{given}'; choose one of {names}.": (
        "{what} 不可為「{given}」；請從 {names} 中選擇。"
    ),
    "The limit must be a whole number from 1 to {limit}; correct it.": (
        "limit 必須是 1 至 {limit} 的整數；請更正。"
    ),
    "Give the ID of a case; list_cases names them.": "請提供病例編號；list_cases 會列出。",
    "Give either a case ID or a film of your own; leave the other one empty.": (
        "請提供病例編號或您自己的影像其中之一；另一項留空。"
    ),
    "A region is a list of boxes [left, top, right, bottom] with shares from 0 to 1; correct it.": (
        "區域為方框 [left, top, right, bottom] 的清單，數值為 0 至 1 的比例；請更正。"
    ),
    "This study has no film to take a region from; leave the region empty.": (
        "此檢查沒有可移除區域的影像；請將區域留空。"
    ),
    "The fields must be a list of clinical fields by name; see clinical_fields.": (
        "fields 必須是臨床欄位名稱的清單；請見 clinical_fields。"
    ),
    "The words must be a list of positions in the words that explain answers.": (
        "words 必須是 explain 所回答之文字位置的清單。"
    ),
    "The opacity must be a number from 0 to 1; correct it.": "不透明度必須是 0 至 1 的數字；請更正。",
}
