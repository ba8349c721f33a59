"""What `cases` tells a reader, in Traditional Chinese: English pattern -> Chinese pattern.

Blanks carry names; `interface.language.refusals` says which of them are translated in their turn.
"""

SENTENCES: dict[str, str] = {
    # uploads
    "The file is empty; choose a PNG, JPEG or DICOM file of a chest film.": (
        "檔案是空的；請選擇胸部影像的 PNG、JPEG 或 DICOM 檔。"
    ),
    "This file is {kind}; choose a PNG, JPEG or DICOM file of a chest film.": (
        "此檔案是{kind}；請選擇胸部影像的 PNG、JPEG 或 DICOM 檔。"
    ),
    "This file is named .{ending} but holds no such image; choose a PNG, JPEG or DICOM file of a chest"
    " film.": ("此檔名為 .{ending}，內容卻不是該種影像；請選擇胸部影像的 PNG、JPEG 或 DICOM 檔。"),
    "This file is no image that can be read here; choose a PNG, JPEG or DICOM file of a chest film.": (
        "此檔案不是可讀取的影像；請選擇胸部影像的 PNG、JPEG 或 DICOM 檔。"
    ),
    "This image is damaged or cut off; save it again as PNG or JPEG and try once more.": (
        "此影像已損壞或不完整；請重新存成 PNG 或 JPEG 再試一次。"
    ),
    "This is a colour picture, not a radiograph; choose a gray film in PNG, JPEG or DICOM.": (
        "這是彩色圖片，不是 X 光片；請選擇 PNG、JPEG 或 DICOM 的灰階影像。"
    ),
    "This file holds several pictures; save the film on its own and try again.": (
        "此檔案含有多張圖片；請單獨儲存影像後再試一次。"
    ),
    "The form is empty; add a film, a clinical value or some clinical text.": (
        "表單是空的；請加入影像、臨床數值或臨床文字。"
    ),
    "The {section} has {count} characters; shorten it to {limit}.": (
        "「{section}」有 {count} 個字元；請縮短至 {limit}。"
    ),
    "The film is {columns} x {rows} pixels": "影像為 {columns} x {rows} 像素",
    "{problem}; reduce it to less than {side} pixels a side and at most {limit} megapixels, then try"
    " again.": ("{problem}；請縮小至每邊少於 {side} 像素、總計至多 {limit} 百萬像素後再試一次。"),
    "{problem}; choose one with at least {side} pixels a side.": (
        "{problem}；請選擇每邊至少 {side} 像素的影像。"
    ),
    "The file has {size} MB; choose one of at most {limit} MB.": (
        "檔案有 {size} MB；請選擇至多 {limit} MB 的檔案。"
    ),
    # DICOM
    "This is not a DICOM file; choose a DICOM, PNG or JPEG file of a chest film.": (
        "這不是 DICOM 檔；請選擇胸部影像的 DICOM、PNG 或 JPEG 檔。"
    ),
    "This DICOM file is damaged or cut off; export it again and try once more.": (
        "此 DICOM 檔已損壞或不完整；請重新匯出後再試一次。"
    ),
    "This is the index of a DICOM disc (DICOMDIR); choose an image file beside it.": (
        "這是 DICOM 光碟的索引（DICOMDIR）；請選擇旁邊的影像檔。"
    ),
    "This DICOM file unfolds into too much data; export it uncompressed and try again.": (
        "此 DICOM 檔解壓縮後資料過大；請以未壓縮格式匯出後再試一次。"
    ),
    "This DICOM file is compressed with {syntax}; export it uncompressed or as JPEG 2000 and try again.": (
        "此 DICOM 檔以 {syntax} 壓縮；請以未壓縮格式或 JPEG 2000 匯出後再試一次。"
    ),
    "The DICOM file's modality LUT cannot be read; export the film again.": (
        "無法讀取此 DICOM 檔的 modality LUT；請重新匯出影像。"
    ),
    "The DICOM file does not state its {keyword}; export the film again.": (
        "此 DICOM 檔未註明 {keyword}；請重新匯出影像。"
    ),
    "This DICOM file holds {kind}; choose a chest radiograph (CR or DX).": (
        "此 DICOM 檔是{kind}；請選擇胸部 X 光片（CR 或 DX）。"
    ),
    "This DICOM file holds the detector's raw values (FOR PROCESSING); export the film FOR PRESENTATION"
    " and try again.": (
        "此 DICOM 檔是偵測器的原始數值（FOR PROCESSING）；請以 FOR PRESENTATION 匯出影像後再試一次。"
    ),
    "This radiograph shows another body part ({part}); choose a chest film.": (
        "此 X 光片是其他部位（{part}）；請選擇胸部影像。"
    ),
    "This DICOM file holds several frames; export the single chest film and try again.": (
        "此 DICOM 檔含有多張影像；請匯出單張胸部影像後再試一次。"
    ),
    "This DICOM file holds no image (no pixel data); export the film with its pixels.": (
        "此 DICOM 檔沒有影像（沒有像素資料）；請連同像素匯出影像。"
    ),
    "This DICOM image is in colour; export the film as grayscale (MONOCHROME1 or 2).": (
        "此 DICOM 影像為彩色；請以灰階（MONOCHROME1 或 2）匯出影像。"
    ),
    "The DICOM file's {keyword} cannot be used; export the film again.": (
        "此 DICOM 檔的 {keyword} 無法使用；請重新匯出影像。"
    ),
    "The DICOM file's RescaleSlope is 0; export the film again.": (
        "此 DICOM 檔的 RescaleSlope 為 0；請重新匯出影像。"
    ),
    "The DICOM file states an impossible pixel shape; export the film again.": (
        "此 DICOM 檔註明的像素形狀不合理；請重新匯出影像。"
    ),
    # a stored case
    "There is no case {case}; check the ID or choose one from the list.": (
        "沒有病例{case}；請檢查編號，或從清單選擇。"
    ),
    "A case ID is 1 to {limit} printable characters, not {case}; correct the ID.": (
        "病例編號為 1 至 {limit} 個可列印字元，而非{case}；請更正編號。"
    ),
    "A case ID or filter is plain text; write it again as text.": (
        "病例編號與篩選條件為純文字；請以文字重寫。"
    ),
    "A page holds 1 to {limit} cases; choose a size in that range.": (
        "每頁 1 至 {limit} 例；請選擇此範圍內的數目。"
    ),
    "More than one document has the ID {case}; give each its own ID, or choose another case.": (
        "有多份文件的編號為{case}；請各給不同編號，或選擇其他病例。"
    ),
    "This case store is open for reading only; open it for writing to store a case.": (
        "病例庫為唯讀；若要儲存病例，請以可寫方式開啟。"
    ),
    "Case {case} is broken in the store ({problem}); store it again from its source, or choose another"
    " case.": "病例{case}在病例庫中已損壞（{problem}）；請由來源重新儲存，或選擇其他病例。",
    "Case {case} was written by a newer Viewbox (schema {found}, this one reads up to {known}); update"
    " Viewbox to open it.": (
        "病例{case}由較新的 Viewbox 寫入（格式 {found}，此版讀至 {known}）；請更新 Viewbox 以開啟。"
    ),
    "Case {case} was not stored: {problem}": "病例{case}未儲存：{problem}",
    "Case {case} is no longer in '{file}'; start Viewbox again.": (
        "病例{case}已不在「{file}」中；請重新啟動 Viewbox。"
    ),
    "There are no cases in the folder '{folder}'; give a folder with cases-*.parquet files, or a"
    " mongodb:// address in MONGODB_URI.": (
        "資料夾「{folder}」中沒有病例；請提供含有 cases-*.parquet 檔的資料夾，"
        "或在 MONGODB_URI 提供 mongodb:// 位址。"
    ),
    "The case file '{file}' cannot be read; fetch it again or remove it from the folder '{folder}'.": (
        "無法讀取病例檔「{file}」；請重新取得，或從資料夾「{folder}」移除。"
    ),
    "The case file '{file}' cannot be written; free some space or choose another folder.": (
        "無法寫入病例檔「{file}」；請釋出空間，或選擇其他資料夾。"
    ),
    "A case store is a folder, or an address that begins with mongodb:// or mongodb+srv://; correct it.": (
        "病例庫須為資料夾，或以 mongodb:// 或 mongodb+srv:// 開頭的位址；請更正。"
    ),
    "Another program writes cases to '{folder}'; wait until it has ended, then start again.": (
        "另一個程式正在寫入資料夾「{folder}」的病例；請等它結束後再試一次。"
    ),
    "'{folder}' cannot be written to; choose another folder.": "無法寫入「{folder}」；請選擇其他資料夾。",
    "The folder '{folder}' cannot be made; choose one you may write to.": (
        "無法建立資料夾「{folder}」；請選擇可寫入的資料夾。"
    ),
    "A signed film has 16 bits per pixel; export the film again in that form.": (
        "有號影像每像素為 16 位元；請以此格式重新匯出影像。"
    ),
    # why a stored case is broken
    "a field of it is missing or of a wrong kind": "缺少欄位，或欄位種類不符",
    "its document cannot be read": "無法讀取其文件",
    "its {name} is in '{unit}', not in '{wanted}'": "其 {name} 的單位為「{unit}」，而非「{wanted}」",
    "there is no clinical field '{name}'": "沒有臨床欄位「{name}」",
    "its {name} is not text": "其 {name} 不是文字",
    "its film does not have the SHA-256 it was stored with": "其影像的 SHA-256 與儲存時不同",
    "its film has pixels of type '{dtype}'": "其影像的像素型別為「{dtype}」",
    "its film does not have the bit depth it was stored with": "其影像的位元深度與儲存時不同",
    "its film is not of the size it was stored with": "其影像的大小與儲存時不同",
    "its film cannot be decoded": "無法解碼其影像",
    "its VOI look-up table is not made of numbers": "其 VOI 查找表不是數字",
    "one of its masks cannot be decoded": "無法解碼其中一個遮罩",
    "one of its masks is not a 1-bit picture": "其中一個遮罩不是 1 位元圖片",
    "its film is not in GridFS": "其影像不在 GridFS 中",
    "a part of its film is missing from GridFS": "GridFS 缺少其影像的一部分",
    "its clinical_data is not a set of named values": "其 clinical_data 不是具名的數值",
    "it has no film in image_data": "image_data 中沒有影像",
    "its image_data is not base64 text": "其 image_data 不是 base64 文字",
    "its film cannot be read: {problem}": "無法讀取其影像：{problem}",
    "the student document that it keeps is damaged": "其保留的原始文件已損壞",
    "Case {case} was refused: it does not fit the store's validator; update Viewbox or store it again from"
    " its source.": "病例{case}遭拒：不符合病例庫的驗證規則；請更新 Viewbox，或由來源重新儲存。",
    "{file} cannot be read; export it again with mongoexport.": (
        "無法讀取 {file}；請以 mongoexport 重新匯出。"
    ),
    "{file} cannot be written; free some space or choose another folder.": (
        "無法寫入 {file}；請釋出空間，或選擇其他資料夾。"
    ),
    "Line {number} of {file} is no document of Extended JSON; export it again with mongoexport.": (
        "{file} 的第 {number} 行不是 Extended JSON 文件；請以 mongoexport 重新匯出。"
    ),
    # MongoDB
    "MongoDB at {host}": "位於 {host} 的 MongoDB",
    "MONGODB_URI is not a valid MongoDB address; percent-encode user and password, check port, database and"
    " options, and try again.": (
        "MONGODB_URI 不是有效的 MongoDB 位址；請將使用者與密碼做百分號編碼，"
        "檢查連接埠、資料庫與選項後再試一次。"
    ),
    "MONGODB_URI must begin with mongodb:// or mongodb+srv://; correct it.": (
        "MONGODB_URI 必須以 mongodb:// 或 mongodb+srv:// 開頭；請更正。"
    ),
    "User and password in MONGODB_URI must be percent-encoded (@ as %40, / as %2F, ? as %3F, # as %23);"
    " encode them and try again.": (
        "MONGODB_URI 中的使用者與密碼必須做百分號編碼（@ 為 %40，/ 為 %2F，? 為 %3F，# 為 %23）；"
        "請編碼後再試一次。"
    ),
    "MONGODB_URI names no server; write it as mongodb://host:port/database.": (
        "MONGODB_URI 未指定伺服器；請寫成 mongodb://host:port/database。"
    ),
    "The options in MONGODB_URI do not go together; check them against MongoDB's URI options.": (
        "MONGODB_URI 中的選項互相衝突；請對照 MongoDB 的 URI 選項。"
    ),
    "The name of {server} cannot be found; check MONGODB_URI for a slip, and the network.": (
        "找不到{server}的名稱；請檢查 MONGODB_URI 是否有誤，以及網路。"
    ),
    "No secure connection to {server}; check its certificate and the tls options in MONGODB_URI.": (
        "無法與{server}建立安全連線；請檢查其憑證，以及 MONGODB_URI 中的 tls 選項。"
    ),
    "{server} does not answer: {problem}.": "{server}沒有回應：{problem}。",
    "this Space reaches only ports {ports} and {port}, so let MongoDB, or a TCP proxy before Atlas, listen on"
    " port 443 and name that port in MONGODB_URI": (
        "此 Space 只能連到連接埠 {ports} 與 {port}，請讓 MongoDB 或 Atlas 前的 TCP 代理監聽 443，"
        "並在 MONGODB_URI 指定該連接埠"
    ),
    "{server} is not running; start it, or correct host and port in MONGODB_URI, then try again.": (
        "{server}未在執行；請啟動它，或更正 MONGODB_URI 中的主機與連接埠後再試一次。"
    ),
    "{server} does not answer in time; check that it runs and that no firewall is between.": (
        "{server}逾時未回應；請確認它正在執行，且中間沒有防火牆。"
    ),
    "{server} broke off the connection; check that it runs, and whether it wants tls=true.": (
        "{server}中斷了連線；請確認它正在執行，以及是否需要 tls=true。"
    ),
    "{server} refused the login; check user, password and authSource in MONGODB_URI.": (
        "{server}拒絕登入；請檢查 MONGODB_URI 中的使用者、密碼與 authSource。"
    ),
    "{server} does not let this user into database '{database}'; log in with the role read on it (readWrite"
    " to store cases).": (
        "{server}不允許此使用者進入資料庫「{database}」；"
        "請以具有 read 角色（儲存病例需 readWrite）的帳號登入。"
    ),
    "The disk of {server} is full; free some space and run the same again: nothing is doubled.": (
        "{server}的磁碟已滿；請釋出空間後重新執行：不會重複寫入。"
    ),
    "{server} refused the case: it does not fit the validator; update Viewbox or the validator.": (
        "{server}拒絕了病例：不符合驗證規則；請更新 Viewbox 或驗證規則。"
    ),
    "{server} failed inside; look at its disk space and its log, and start it again.": (
        "{server}內部發生錯誤；請檢查其磁碟空間與紀錄，並重新啟動它。"
    ),
    "{server} answered with error {error}; look it up in the server's log.": (
        "{server}回應錯誤 {error}；請查閱伺服器的紀錄。"
    ),
    "{server} and this app do not understand each other ({error}); check the server's release and its log.": (
        "{server}與此程式無法互通（{error}）；請檢查伺服器的版本與紀錄。"
    ),
    "The file behind @ cannot be read; check its name.": "無法讀取 @ 之後的檔案；請檢查檔名。",
    # phantoms and drills
    "{name} belongs to other weights; evaluate these with viewbox drills.": (
        "{name}屬於其他權重；請以 viewbox drills 評估目前的權重。"
    ),
    "{file} is damaged at drill {number}; make it again.": ("{file} 在第 {number} 題損壞；請重新產生。"),
    "{name} cannot be read; make it again.": "無法讀取{name}；請重新產生。",
    "A confounder cannot be '{kind}'; choose marker, hospital or view.": (
        "干擾因子不能是「{kind}」；請選擇 marker、hospital 或 view。"
    ),
    "A confounder's correlation of {value} is outside 0.5 to 1; choose another.": (
        "干擾因子的相關程度 {value} 不在 0.5 到 1 之間；請改用其他數值。"
    ),
    "A phantom of {size} pixels cannot be made; choose a size from 64 to 3072.": (
        "無法製作 {size} 像素的模擬影像；請選擇 64 到 3072。"
    ),
    "A phantom of {bits} bits cannot be made; choose 8 to 12 bits.": (
        "無法製作 {bits} 位元的模擬影像；請選擇 8 到 12 位元。"
    ),
    "No film is {one} and {other}; choose labels that go together.": (
        "沒有影像同時是{one}與{other}；請選擇可並存的標籤。"
    ),
    "There is no situation '{name}'; choose one of {names}.": "沒有情境「{name}」；請選擇{names}之一。",
    # notes on a case that was taken over
    "'{name}' in clinical_data fits no clinical field and was left out.": (
        "clinical_data 中的「{name}」不屬於任何臨床欄位，已略去。"
    ),
    "'{name}' in clinical_data is '{value}', no {task} class, and was left out.": (
        "clinical_data 中的「{name}」為「{value}」，不是「{task}」的類別，已略去。"
    ),
    "'{name}' in clinical_data names {field} again and was left out.": (
        "clinical_data 中的「{name}」重複了「{field}」，已略去。"
    ),
    "'{name}' in clinical_data was left out: {problem}": "clinical_data 中的「{name}」已略去：{problem}",
    "'{name}' in clinical_data has no unit and was read in {unit}.": (
        "clinical_data 中的「{name}」未註明單位，以 {unit} 讀取。"
    ),
    "The source's {field} was no possible value and is left out.": (
        "來源的「{field}」不是可能的數值，已略去。"
    ),
    "{count} published boxes lie outside the film and are left out.": (
        "有 {count} 個公布的標記框位於影像之外，已略去。"
    ),
    "Marked as an invalid study by: {readers}.": "被下列判讀者標為無效檢查：{readers}。",
    "{file} holds no baseline films; fetch the checkpoint again.": (
        "{file} 中沒有基準影像；請重新取得模型。"
    ),
}
