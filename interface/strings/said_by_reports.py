"""What mining, retrieval and the tab of reports say, as patterns: English -> Traditional Chinese."""

SENTENCES: dict[str, str] = {
    "Give the text of a report.": "請提供一份報告的文字。",
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
}
