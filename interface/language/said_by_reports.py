"""What mining, retrieval and the tab of reports say, as patterns: English -> Traditional Chinese."""

SENTENCES: dict[str, str] = {
    "Give the text of a report.": "請提供一份報告的文字。",
    "The report says nothing that can be read, so no label is mined from it.": (
        "此報告沒有可讀的內容，因此未擷取任何標籤。"
    ),
    "Nothing here says normal or abnormal; read the report yourself.": (
        "此報告未說明正常或異常；請自行閱讀報告。"
    ),
    "The report does not look like English, which the rules are written for: check each label.": (
        "此報告看來不是英文，而規則是為英文所寫：請逐一檢查標籤。"
    ),
    "The report mixes English with another language, of which the rules know few words: check each label.": (
        "此報告夾雜英文以外的語言，規則只認得其中少數字詞：請逐一檢查標籤。"
    ),
    "These rules find too much in one sentence; remove those that repeat each other.": (
        "這些規則在一個句子中找到過多；請移除彼此重複的規則。"
    ),
    "Reading this report by these rules takes over {seconds} seconds; shorten it, or remove phrases that"
    " stand in it again and again.": (
        "依這些規則閱讀此報告需超過 {seconds} 秒；請縮短報告，或移除在其中一再出現的片語。"
    ),
    "Give each weight as a number of 0 or more, and at least one above 0.": (
        "每個比重請填 0 或以上的數字，且至少一個大於 0。"
    ),
    "The cases are still being compared; ask again in a few seconds.": "病例仍在比較中；請稍候幾秒再試。",
    "The store holds no case to compare with; fill it first.": "病例庫中沒有可比較的病例；請先放入病例。",
    "There is no report to learn from; give at least one.": "沒有可供學習的報告；請至少提供一份。",
    "A case's encoding is not finite; leave that case out.": "某病例的編碼不是有限的數值；請略去該病例。",
    "Two cases are called {case}; give each case an ID of its own.": (
        "有兩個病例的編號都是 {case}；請給每個病例各自的編號。"
    ),
    "The case {case} is not among the compared cases; choose another.": (
        "病例 {case} 不在比較的病例之中；請改選其他病例。"
    ),
    "Ask for 1 to {most} cases.": "請要求 1 至 {most} 個病例。",
    "This case has no label, so nothing contrasts with it; choose one that has.": (
        "此病例沒有標籤，因此沒有對照病例；請選擇有標籤的病例。"
    ),
    "Nothing can be compared by the {modalities}; choose another way to compare.": (
        "無法依{modalities}比較；請改用其他比較方式。"
    ),
    "The {modality} of case {case} was encoded in another way; encode all cases together.": (
        "病例 {case} 的{modality}是以另一種方式編碼的；請將所有病例一起編碼。"
    ),
    "Topics need at least {number} reports; here are {count}.": (
        "主題至少需要 {number} 份報告；這裡有 {count} 份。"
    ),
    "The reports share too few words for topics; give more reports.": (
        "這些報告共有的字詞太少，無法形成主題；請提供更多報告。"
    ),
    "{count} reports with {words} shared words cannot make {number} topics; ask for fewer.": (
        "{count} 份報告只有 {words} 個共有字詞，無法形成 {number} 個主題；請減少主題數。"
    ),
    "Ask for 2 to 200 topics.": "請要求 2 至 200 個主題。",
    "No report {name} was among those that the topics come from.": "報告 {name} 不在主題所依據的報告之中。",
    "{path} holds no topics; make it with training.topics.": ("{path} 沒有主題；請以 training.topics 產生。"),
    "This MongoDB has no vector search.": "此 MongoDB 沒有向量搜尋。",
    "This MongoDB has no search index named {name}; docs/retrieval.md says how to make it.": (
        "此 MongoDB 沒有名為 {name} 的搜尋索引；建立方法見 docs/retrieval.md。"
    ),
    "The search index of this MongoDB is for vectors of another length; make it anew.": (
        "此 MongoDB 的搜尋索引用於其他長度的向量；請重新建立。"
    ),
    "This MongoDB is still building its search index.": "此 MongoDB 仍在建立搜尋索引。",
    "This MongoDB holds no vectors of the checkpoint; docs/retrieval.md says how to write them.": (
        "此 MongoDB 沒有該模型的向量；寫入方法見 docs/retrieval.md。"
    ),
    "This MongoDB has no vector search; use MongoDB Atlas or a server with mongot.": (
        "此 MongoDB 沒有向量搜尋；請使用 MongoDB Atlas 或附有 mongot 的伺服器。"
    ),
    "No checkpoint is ready whose vectors could be searched.": "尚無就緒的模型可供搜尋其向量。",
    "The checkpoint makes no vector of this case for what is compared.": (
        "對於所選的比較方式，模型無法為此病例產生向量。"
    ),
    "There is no checkpoint in '{name}'; give the folder of one.": (
        "「{name}」中沒有模型；請提供模型的資料夾。"
    ),
}
