"""What `modeling` tells a reader, in Traditional Chinese: English pattern -> Chinese pattern.

Blanks carry names; `interface.language.refusals` says which of them are translated in their turn.
"""

SENTENCES: dict[str, str] = {
    "{file} is no readable CSV file; make it anew.": "無法將 {file} 讀為 CSV 檔；請重新製作。",
    # the study
    "A radiograph has one gray channel; save the film as a gray image and try again.": (
        "X 光片只有一個灰階通道；請將影像存成灰階後再試一次。"
    ),
    "A radiograph has 8 to 16 bits per pixel; export the film again in that form.": (
        "X 光片每像素為 8 至 16 位元；請以此格式重新匯出影像。"
    ),
    "{field} cannot be '{value}'; choose one of {values}, or leave it unknown.": (
        "「{field}」不可為「{value}」；請從 {values} 中選擇，或留為未知。"
    ),
    "{field} needs a number in {unit}, not '{value}'; correct it or leave it unknown.": (
        "「{field}」需要以 {unit} 為單位的數字，而非「{value}」；請更正或留為未知。"
    ),
    "{field} is {value}, outside {low} to {high}": "「{field}」為 {value}，超出 {low} 至 {high} 的範圍",
    "{problem}; if it is in {unit}, write '{value}'.": "{problem}；若單位為 {unit}，請寫「{value}」。",
    "{problem}; correct it or leave it unknown.": "{problem}；請更正或留為未知。",
    "{field} {value} may be {one} or {other}; write it with its unit.": (
        "「{field}」{value} 可能是 {one} 或 {other}；請連同單位填寫。"
    ),
    "{field} {value} may be {one} or {other}; write it without a comma.": (
        "「{field}」{value} 可能是 {one} 或 {other}；請不要使用逗號。"
    ),
    "{field} '{value}' was read as {reading}; write the unit if it is another.": (
        "「{field}」的「{value}」讀為 {reading}；若為其他單位，請註明單位。"
    ),
    "{field} '-' was read as {value}; leave it empty if it is unknown.": (
        "「{field}」的「-」讀為 {value}；若為未知，請留空。"
    ),
    "{field} {value} needs the leukocytes beside it; give both, or write the count in {unit}.": (
        "「{field}」{value} 需要白血球數；請一併填寫，或改以 {unit} 填寫數目。"
    ),
    "{field} '{value}' is no limit of what a laboratory measures; write the number itself or leave it"
    " unknown.": "「{field}」的「{value}」不是檢驗的極限值；請填寫數值本身，或留為未知。",
    "There is no clinical field '{name}'; use {names}.": "沒有臨床欄位「{name}」；請使用 {names}。",
    "There is no text section '{name}'; use {names}.": "沒有文字段落「{name}」；請使用 {names}。",
    "This study has no prediction for {task}; give what that task reads.": (
        "此檢查沒有「{task}」的預測；請提供該任務所讀取的資料。"
    ),
    "{task} has no class '{name}'; choose one of {classes}.": (
        "「{task}」沒有類別「{name}」；請從 {classes} 中選擇。"
    ),
    "'{given}' is no alternative to {class_name}; choose one of {names}.": (
        "「{given}」不是「{class_name}」的對照；請從 {names} 中選擇。"
    ),
    "'{name}' names no target; write it as task/class, such as appearance/Typical.": (
        "「{name}」不是目標；請寫成 任務/類別，例如 appearance/Typical。"
    ),
    # the prediction and its notes
    "The checkpoint's weights give no finite numbers; fetch the checkpoint again.": (
        "模型的權重算不出有限的數字；請重新取得模型。"
    ),
    "{task} needs the {modalities}; it was left out.": "「{task}」需要{modalities}；因此略去。",
    "There is nothing that this checkpoint reads; give the {modalities}.": (
        "沒有此模型能讀取的資料；請提供{modalities}。"
    ),
    "This checkpoint was trained on {sources}, not on {source}; expect worse answers.": (
        "此模型以 {sources} 訓練，而非 {source}；答案可能較差。"
    ),
    "This checkpoint does not read the {modality}; it was left aside.": "此模型不讀取{modality}；因此略去。",
    "Not read by this checkpoint: {fields}.": "此模型不讀取：{fields}。",
    "No word of the text could be read; this checkpoint reads the {sections}.": (
        "文字中沒有任何字可讀取；此模型讀取{sections}。"
    ),
    "The text is too long for the model; its last {count} words were cut.": (
        "文字對模型而言過長；最後 {count} 個字被截去。"
    ),
    "The film is one even gray; it carries nothing to look at.": "影像為單一灰色；沒有可看的內容。",
    "The last {count} words of the text were cut before the model read it: they have no part in this.": (
        "文字的最後 {count} 個字在模型讀取前已截去：與此結果無關。"
    ),
    "{count} months": "{count} 個月",
    "{count} years of a male": "{count} 歲男性",
    "{number} % of the leukocytes": "佔白血球的 {number} %",
    "{number} % of the leukocytes ({count} {unit})": "佔白血球的 {number} %（{count} {unit}）",
    "I'd rather not say: this film is unlike those I learnt from (distance {score}, usual up to {threshold});"
    " do not read the numbers as an answer.": (
        "我寧可不回答：此影像不像我學習過的影像（距離 {score}，一般不超過 {threshold}）；"
        "請勿將這些數字視為答案。"
    ),
    # the explanation
    "{task} reads the {modalities}; give one of them first.": (
        "「{task}」讀取{modalities}；請先提供其中一項。"
    ),
    "This checkpoint does not predict {task}; choose a target of {tasks}.": (
        "此模型不預測「{task}」；請選擇 {tasks} 的目標。"
    ),
    "There is no baseline '{name}'; choose one of {names}.": "沒有起點「{name}」；請從 {names} 中選擇。",
    "The model gave no number for this film; check the film and try again.": (
        "模型無法為此影像算出數字；請檢查影像後再試一次。"
    ),
    "The model's gradient is no number for this study; choose another baseline.": (
        "模型對此檢查的梯度不是數字；請選擇另一起點。"
    ),
    "The model answers with no number for this study; check the film, the table and the text.": (
        "模型無法為此檢查算出數字；請檢查影像、臨床資料與文字。"
    ),
    "The explanation was stopped; start it again when you like.": "解釋已停止；需要時可重新開始。",
    "The explanation was stopped; start it again when you want it.": "解釋已停止；需要時可重新開始。",
    "There is no modality to share the answer among; give a film, a table or a text.": (
        "沒有可分配答案的資料；請提供影像、臨床資料或文字。"
    ),
    "The model gave no number for {modalities}; check the values and try again.": (
        "模型無法為{modalities}算出數字；請檢查數值後再試一次。"
    ),
    "The film's values are no numbers; check its rescale and window values.": (
        "影像的數值不是數字；請檢查其 rescale 與 window 值。"
    ),
    "There is no film here that {task} reads; choose a case and a target with one.": (
        "此處沒有「{task}」讀取的影像；請選擇有影像的病例與目標。"
    ),
    "This checkpoint stores no film for the baseline '{name}'; choose {names}.": (
        "此模型沒有儲存起點「{name}」的影像；請選擇 {names}。"
    ),
    "This checkpoint has no second opinion '{name}'; choose one of {names}.": (
        "此模型沒有第二意見「{name}」；請從 {names} 中選擇。"
    ),
    "This checkpoint weighs every place of the film the same; choose another method.": (
        "此模型對影像各處一視同仁；請選擇其他方法。"
    ),
    "This checkpoint's fusion has no attention to show; choose another method.": (
        "此模型的融合層沒有注意力可顯示；請選擇其他方法。"
    ),
    "Attention needs a film and a table or a text to look at it; give both.": (
        "注意力需要影像，以及看向它的臨床資料或文字；請兩者都提供。"
    ),
    # proofs
    "Nothing is marked; brush over the film, or choose a value or a word.": (
        "尚未標記任何內容；請在影像上塗抹，或選擇數值或文字。"
    ),
    "There is no film here to take a region from; take a value or a word away.": (
        "此處沒有可移除區域的影像；請移除數值或文字。"
    ),
    "The region does not have the film's size; mark it again on this film.": (
        "區域與影像大小不符；請在此影像上重新標記。"
    ),
    "There is no known value of '{field}' to take away; choose one that is there.": (
        "沒有「{field}」的已知數值可移除；請選擇已有的數值。"
    ),
    "That word is not one the model read; choose one of the words with a number.": (
        "模型沒有讀取該字；請選擇附有數字的字。"
    ),
    "Nothing would be left for {task} to answer from; leave something in.": (
        "移除後「{task}」將無資料可依據；請保留一些內容。"
    ),
    # the checkpoint
    "No {name} operating point was measured for {class_name}; choose another class.": (
        "沒有為「{class_name}」測量 {name} 操作點；請選擇其他類別。"
    ),
    "Nothing was measured for {task}; show its probabilities without a prediction set.": (
        "沒有為「{task}」測量任何數值；請不帶預測集顯示其機率。"
    ),
    "{file} was measured with other weights; measure the checkpoint again.": (
        "{file} 是以其他權重測量的；請重新測量模型。"
    ),
    "{name} has no feature map of stride {stride}; set 'stride' to 0 in config.json.": (
        "{name} 沒有步幅 {stride} 的特徵圖；請在 config.json 將「stride」設為 0。"
    ),
    "The stride of the feature map must be 8, 16, 32, or 0 for the last.": (
        "特徵圖的步幅必須為 8、16、32，或以 0 表示最後一層。"
    ),
    "{name} has no {file}; point to a folder with a checkpoint.": (
        "{name} 沒有 {file}；請指定含有模型的資料夾。"
    ),
    "There is no checkpoint folder '{name}'; give a folder or a Hub repo as owner/name.": (
        "沒有模型資料夾「{name}」；請提供資料夾，或以 owner/name 提供 Hub 儲存庫。"
    ),
    "'{name}' is no name of a Hub repo; give a folder or a Hub repo as owner/name.": (
        "「{name}」不是 Hub 儲存庫的名稱；請提供資料夾，或以 owner/name 提供 Hub 儲存庫。"
    ),
    "{name} is gated; accept its terms and set HF_TOKEN to a token that may read it.": (
        "{name} 受限；請接受其條款，並將 HF_TOKEN 設為可讀取它的權杖。"
    ),
    "{name} has no revision '{revision}'; set {setting}_REVISION to one of its commits.": (
        "{name} 沒有版本「{revision}」；請將 {setting}_REVISION 設為其中一個提交。"
    ),
    "The Hub has no {kind} '{name}', or it is private; check {setting}_REPO and HF_TOKEN.": (
        "Hub 上沒有{kind}「{name}」，或其為私有；請檢查 {setting}_REPO 與 HF_TOKEN。"
    ),
    "The Hub refused the login for {name}; set HF_TOKEN to a token that may read it.": (
        "Hub 拒絕登入 {name}；請將 HF_TOKEN 設為可讀取它的權杖。"
    ),
    "The Hub answered {status} for {name}; try again in a minute.": (
        "Hub 對 {name} 回應 {status}；請一分鐘後再試。"
    ),
    "{name} could not be fetched whole from the Hub; check the network and try again.": (
        "無法從 Hub 完整取得 {name}；請檢查網路後再試一次。"
    ),
    "{name} has no {file}; publish the checkpoint again whole.": "{name} 沒有 {file}；請重新完整發布模型。",
    "{file} of {name} is not valid JSON; fetch it again.": "{name} 的 {file} 不是有效的 JSON；請重新取得。",
    "The processor of {name} is not the one of its weights; publish both together again.": (
        "{name} 的前處理設定與其權重不符；請兩者一起重新發布。"
    ),
    "{file} of {name} is damaged; fetch the checkpoint again.": "{name} 的 {file} 已損壞；請重新取得模型。",
    "{file} of {name} lacks tensor '{tensor}'; fetch both files together.": (
        "{name} 的 {file} 缺少張量「{tensor}」；請兩個檔案一起重新取得。"
    ),
    "{file} of {name} has an extra tensor '{tensor}'; fetch both files together.": (
        "{name} 的 {file} 多出張量「{tensor}」；請兩個檔案一起重新取得。"
    ),
    "Tensor '{tensor}' of {name} has shape {shape}, not {wanted}; fetch weights and config.json together.": (
        "{name} 的張量「{tensor}」形狀為 {shape}，而非 {wanted}；請一起重新取得權重與 config.json。"
    ),
    "{name} could not be published; check HF_TOKEN and try again.": (
        "無法發布 {name}；請檢查 HF_TOKEN 後再試一次。"
    ),
    "timm has no model '{name}'; choose a name that timm.list_models() shows.": (
        "timm 沒有模型「{name}」；請選擇 timm.list_models() 所列的名稱。"
    ),
    "transformers cannot build this text encoder; check 'text.transformers' in config.json.": (
        "transformers 無法建立此文字編碼器；請檢查 config.json 中的「text.transformers」。"
    ),
    "The checkpoint's encoders and its processor do not read the same modalities.": (
        "模型的編碼器與其前處理設定所讀取的資料種類不同。"
    ),
    "The checkpoint reads text but has no {file}; publish it again whole.": (
        "模型讀取文字，卻沒有 {file}；請重新完整發布。"
    ),
    "The checkpoint's text branch and its tokenizer.json do not go together; publish it whole.": (
        "模型的文字部分與其 tokenizer.json 不符；請完整發布。"
    ),
    "tokenizer.json is not the one this checkpoint was trained with; publish both together.": (
        "tokenizer.json 並非此模型訓練時所用；請兩者一起發布。"
    ),
    "{file} is damaged; fetch the checkpoint again.": "{file} 已損壞；請重新取得模型。",
    "tokenizer.json has no {token}; publish the checkpoint with one that has it.": (
        "tokenizer.json 沒有 {token}；請以含有它的檔案發布模型。"
    ),
    "The checkpoint has no {file}; publish it again whole.": "模型沒有 {file}；請重新完整發布。",
    "{file} is not valid JSON; fetch the checkpoint again.": "{file} 不是有效的 JSON；請重新取得模型。",
    # its configuration
    "{cls} has no key '{key}'; load this checkpoint with the Viewbox that wrote it.": (
        "{cls} 沒有鍵「{key}」；請以寫出此模型的 Viewbox 載入。"
    ),
    "{cls} lacks the key '{key}'; the configuration file is incomplete.": (
        "{cls} 缺少鍵「{key}」；設定檔不完整。"
    ),
    "'{value}' is no number for the key '{key}'; the configuration file is damaged.": (
        "「{value}」不是鍵「{key}」的數字；設定檔已損壞。"
    ),
    "'{value}' is no value for the key '{key}'; the configuration file is damaged.": (
        "「{value}」不是鍵「{key}」的值；設定檔已損壞。"
    ),
    "{cls} is not a JSON object; the configuration file is damaged.": "{cls} 不是 JSON 物件；設定檔已損壞。",
    "The image size must lie between 16 and 2048 pixels.": "影像大小必須介於 16 與 2048 像素之間。",
    "The two percentiles must be in order between 0 and 100.": "兩個百分位數必須依序介於 0 與 100 之間。",
    "The image standard deviation must be positive.": "影像的標準差必須為正。",
    "There is no clinical field '{name}' in this Viewbox.": "此 Viewbox 沒有臨床欄位「{name}」。",
    "The standard deviation of '{name}' must be positive.": "「{name}」的標準差必須為正。",
    "Text sections must be chosen from {sections}.": "文字段落必須從 {sections} 中選擇。",
    "The number of tokens must lie between 4 and 4096.": "詞元數必須介於 4 與 4096 之間。",
    "The text encoder's configuration lacks 'model_type'.": "文字編碼器的設定缺少「model_type」。",
    "The text encoder needs at least one question.": "文字編碼器至少需要一個查詢。",
    "A phrase must be an odd number of tokens below 16.": "片語必須是小於 16 的奇數個詞元。",
    "The width must be a multiple of the text encoder's questions.": "寬度必須是文字編碼器查詢數的倍數。",
    "There is no task '{name}' in this Viewbox.": "此 Viewbox 沒有任務「{name}」。",
    "{task} reads no modality.": "「{task}」不讀取任何資料。",
    "A fusion checkpoint has at least one task.": "融合模型至少有一個任務。",
    "A fusion checkpoint has at least one encoder.": "融合模型至少有一個編碼器。",
    "A task stands twice in the configuration.": "設定中有重複的任務。",
    "{task} reads the {modality}, which has no encoder.": "「{task}」讀取{modality}，但它沒有編碼器。",
    "The width must be a multiple of the attention heads.": "寬度必須是注意力頭數的倍數。",
    "There is no task '{name}' to have a temperature; the configuration is damaged.": (
        "沒有可設定溫度的任務「{name}」；設定已損壞。"
    ),
    "A temperature must be positive.": "溫度必須為正。",
    "{task} has no prediction set; look at each finding by itself.": (
        "「{task}」沒有預測集合；請逐項查看各發現。"
    ),
    "A feed-forward block belongs to cross_attention; set 'feed_forward' to false.": (
        "前饋層只屬於 cross_attention；請將「feed_forward」設為 false。"
    ),
}
