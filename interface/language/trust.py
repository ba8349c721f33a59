"""The trust panel, the two accounts, and the maps to hold an explanation against."""

STRINGS: dict[str, tuple[str, str]] = {
    # the place in line
    "line.first": (
        "Another reader's answer is being computed; yours is next.",
        "正在計算另一位讀者的答案；接下來就是您的。",
    ),
    "line.place": (
        "The model answers one reader at a time; you are number {place} in line.",
        "模型一次回答一位讀者；您排在第 {place} 位。",
    ),
    # one budget, two accounts
    "budget.path": ("along the path", "沿路徑"),
    "budget.shapley": ("Shapley value", "夏普利值"),
    "budget.part": ("Part", "部分"),
    "budget.interaction": ("{parts} together", "{parts} 共同"),
    "budget.note": (
        "Two fair ways to share out the same {change} logits: along the path from the baseline, and the exact"
        " Shapley value over all combinations of parts.",
        "以兩種公平方式分配同樣的 {change} logit：沿起點出發的路徑，以及各部分所有組合的精確夏普利值。",
    ),
    "budget.together": (
        "What parts add only together is inside the Shapley values above.",
        "「共同」的量已包含在上列夏普利值中。",
    ),
    "budget.agree": (
        "The two accounts agree on every part.",
        "兩種計算對各部分的看法一致。",
    ),
    "budget.disagree": (
        "The two accounts disagree on: {modalities}. Do not rely on that share: the parts act together, or"
        " the model bends along the path.",
        "兩種計算對下列部分不一致：{modalities}。請勿依賴該比例；各部分互相作用，或模型沿路徑彎曲。",
    ),
    # what is asked
    "target.question": ("{target} rather than {against}", "{target}而非{against}"),
    "target.rest": ("all other classes", "其他類別"),
    # which map
    "method.title": ("Map on the film", "影像上的圖"),
    "method.integrated_gradients": ("Integrated Gradients", "積分梯度"),
    "method.grad_cam": ("Grad-CAM", "Grad-CAM"),
    "method.occlusion": ("Occlusion", "遮蔽法"),
    "method.feature_gradients": ("Feature gradients", "特徵梯度"),
    "method.attention": ("Attention", "注意力"),
    "method.evidence": ("Evidence weights", "證據權重"),
    "method.edges": ("Control: edges", "對照：邊緣"),
    "method.random_weights": ("Control: random weights", "對照：隨機權重"),
    "method.opinion": ("Second opinion", "第二意見"),
    "method.control": ("CONTROL, not an explanation", "對照，並非解釋"),
    "method.main": ("The account", "主要解釋"),
    "method.line": (
        "{kind}: {method} for {target}, {seconds} s.",
        "{kind}：「{target}」的{method}，{seconds} 秒。",
    ),
    "method.computing": ("Computing {method} …", "正在計算{method}……"),
    "method.no_film": ("This study has no film, so there is no map.", "此檢查沒有影像，因此沒有圖。"),
    "method.own_scale": (
        "Its unit is its own: compare where it points, not how strong it is.",
        "其單位自成一格：請比較它指向哪裡，而非強度。",
    ),
    "about.integrated_gradients": (
        "It shares out the logit's whole change from a baseline to this study over pixels, fields and words."
        " It does not say where disease is.",
        "它把 logit 由起點到此檢查的全部變動分配給像素、欄位與文字。它並不說明病灶在哪裡。",
    ),
    "about.grad_cam": (
        "It weighs the last feature map by its mean gradient: coarse, and blind to table and text. It is no"
        " account: its numbers add up to nothing.",
        "它以平均梯度加權最後一層特徵圖：粗略，且看不到臨床資料與文字。它不是完整的帳：數字加總沒有意義。",
    ),
    "about.occlusion": (
        "It covers one patch after the other and sees how far the logit falls. It misses places that only act"
        " together, and a covered film is unlike any that the model has seen.",
        "它逐塊遮住影像，看 logit 下降多少。它會漏掉共同作用的位置，且遮蔽後的影像不像模型見過的任何影像。",
    ),
    "about.feature_gradients": (
        "Integrated Gradients over the last feature map instead of the pixels: calmer and coarser. It does"
        " not show which pixels the features came from.",
        "以最後一層特徵圖取代像素的積分梯度：較平穩也較粗略。它不顯示特徵來自哪些像素。",
    ),
    "about.attention": (
        "Where the fusion looked on the film while it read the other parts. Looking is not using: it says"
        " nothing about for or against.",
        "融合層讀取其他部分時看向影像的哪裡。看向並不等於使用：它不說明支持或反對。",
    ),
    "about.evidence": (
        "Where this checkpoint thinks that opacities are: the weight, from 0 to 1, with which each place"
        " enters its answer. It is the same for every target, and says nothing about for or against.",
        "此模型認為病灶所在之處：每個位置以 0 到 1 的權重進入答案。它對每個目標都相同，不說明支持或反對。",
    ),
    "about.edges": (
        "An edge detector on the film; no model was asked. An explanation that looks like this shows the"
        " film, not the model.",
        "影像的邊緣偵測；沒有詢問任何模型。與此相似的解釋只顯示了影像，而非模型。",
    ),
    "about.random_weights": (
        "Integrated Gradients on a model that has forgotten its training. An explanation that looks like this"
        " owes nothing to what was learnt.",
        "在忘記訓練內容的模型上計算的積分梯度。與此相似的解釋與模型所學無關。",
    ),
    # the trust panel
    "trust.title": ("How far to believe this map", "此圖可信到什麼程度"),
    "trust.running": ("Checking the map: {done} of {total} …", "正在檢查此圖：{done} / {total}……"),
    "trust.stopped": (
        "The checks were stopped; those below are complete.",
        "檢查已停止；以下為已完成的部分。",
    ),
    "trust.summary": (
        "{good} of {total} checks speak for this map, {bad} against it, {open} leave it open.",
        "{total} 項檢查中，{good} 項支持此圖，{bad} 項反對，{open} 項未定。",
    ),
    "trust.unfit": (
        "Do not read this map: its account does not add up.",
        "請勿解讀此圖：其帳目加總不符。",
    ),
    "trust.caution": (
        "They say whether the map follows this model, never whether the model is right or where disease is.",
        "這些檢查只說明此圖是否忠於模型，並不說明模型是否正確，也不說明病灶在哪裡。",
    ),
    "trust.seconds": ("Checked in {seconds} s.", "檢查耗時 {seconds} 秒。"),
    "trust.good": ("speaks for the map", "支持此圖"),
    "trust.bad": ("speaks against the map", "反對此圖"),
    "trust.open": ("leaves it open", "未定"),
    "trust.none": ("not measurable", "無法測量"),
    "trust.band": ("random: {low} to {high}", "隨機：{low} 至 {high}"),
    "trust.area": ("its area: {area}", "所占面積：{area}"),
    # what is measured
    "measure.completeness": ("Left unaccounted for", "未能說明的部分"),
    "measure.map_change": ("Moved at the last refinement", "最後一次改進的變動"),
    "measure.lungs": ("Inside the lungs (estimated)", "肺野內（估計）"),
    "measure.border": ("At the film's border", "影像邊緣"),
    "measure.burned_in": ("On burned-in text", "影像上的燒錄文字"),
    "measure.deletion": ("Logit as its places are deleted", "依圖刪除時的 logit"),
    "measure.insertion": ("Logit as its places are inserted", "依圖加入時的 logit"),
    "measure.class_discrimination": ("Likeness to the map of another class", "與另一類別之圖的相似度"),
    "measure.random_weights_rank": ("Likeness to random weights (ranks)", "與隨機權重的相似度（等級）"),
    "measure.random_weights_ssim": ("Likeness to random weights (SSIM)", "與隨機權重的相似度（SSIM）"),
    # what the numbers mean: every key of modeling.trust.metrics.MEANINGS
    "meaning.completeness.converged": (
        "The parts add up to the logit's change within 1 %.",
        "各部分加總與 logit 變動相差在 1 % 以內。",
    ),
    "meaning.completeness.usable": (
        "The parts add up within 5 %: read the large ones only.",
        "各部分加總相差在 5 % 以內：只看較大的部分。",
    ),
    "meaning.completeness.not_converged": (
        "More than 5 % is unaccounted for: the map leaves out what moved the logit.",
        "超過 5 % 未能說明：此圖遺漏了影響 logit 的內容。",
    ),
    "meaning.completeness.no_change": (
        "The logit is the same at the baseline, so there is nothing to share out.",
        "logit 與起點相同，因此沒有可分配的內容。",
    ),
    "meaning.settled.settled": (
        "The last refinement hardly moved the map.",
        "最後一次改進幾乎沒有改變此圖。",
    ),
    "meaning.settled.moving": (
        "The map was still moving: read its large patches, not its details.",
        "此圖仍在變動：請看大區塊，不看細節。",
    ),
    "meaning.settled.unknown": (
        "The map was made in one go, so whether it has settled is not known.",
        "此圖一次完成，因此不知是否已穩定。",
    ),
    "meaning.agreement.alike": (
        "With random weights the map looks much the same: it shows the film rather than what was learnt.",
        "換成隨機權重後此圖大致相同：它顯示的是影像，而非模型所學。",
    ),
    "meaning.agreement.different": (
        "With random weights the map is another one: it depends on what was learnt.",
        "換成隨機權重後此圖不同：它取決於模型所學。",
    ),
    "meaning.agreement.undefined": (
        "One of the two maps is even, so they cannot be compared.",
        "兩圖之一完全均勻，無法比較。",
    ),
    "meaning.discrimination.same_map": (
        "Another class gives the same map: it does not answer what was asked.",
        "另一類別得到相同的圖：它沒有回答所問的問題。",
    ),
    "meaning.discrimination.opposite": (
        "The other class gives this map with its signs turned: what speaks for one speaks against the other.",
        "另一類別得到正負相反的圖：支持其一即反對另一。",
    ),
    "meaning.discrimination.different": (
        "Another class gives another map: it answers what was asked.",
        "另一類別得到不同的圖：它回答了所問的問題。",
    ),
    "meaning.discrimination.undefined": (
        "One of the two maps is even, so they cannot be compared.",
        "兩圖之一完全均勻，無法比較。",
    ),
    "meaning.share.empty": (
        "The map is empty here, so there is no share.",
        "此圖在這裡是空的，因此沒有比例。",
    ),
    "meaning.share.not_found": (
        "No such place was found on this film.",
        "此影像上沒有找到這種位置。",
    ),
    "meaning.share.concentrated": (
        "The map puts clearly more here than the place's size would give it.",
        "此圖集中於此，明顯高於其面積所應占的比例。",
    ),
    "meaning.share.as_area": (
        "The map puts about as much here as the place's size would give it.",
        "此圖在此處約與其面積所應占的比例相當。",
    ),
    "meaning.share.spared": (
        "The map puts clearly less here than the place's size would give it.",
        "此圖在此處明顯低於其面積所應占的比例。",
    ),
    "meaning.perturbation.better": (
        "Changing the film in the map's order moves the logit more than random order does.",
        "依此圖的順序改變影像，對 logit 的影響大於隨機順序。",
    ),
    "meaning.perturbation.as_random": (
        "The map's order moves the logit no more than random order does.",
        "依此圖的順序改變影像，對 logit 的影響不比隨機順序大。",
    ),
    "meaning.perturbation.worse": (
        "Random order moves the logit more than the map's order: the map misleads here.",
        "隨機順序對 logit 的影響大於此圖的順序：此圖在這裡會誤導。",
    ),
    # baselines
    "explain.mean": ("the mean of many films", "多張影像的平均"),
    "explain.normals": ("each of several normal films", "數張正常影像"),
    "compare.button": ("Compare baselines", "比較起點"),
    "compare.title": ("The baseline changes the answer", "起點會改變答案"),
    "compare.note": (
        "The same study and target, each from another baseline, in one colour scale. A baseline says what the"
        " film is compared with, and no one is right for every question.",
        "同一檢查與目標，分別由不同起點計算，採同一色階。起點決定影像與什麼比較，沒有一種適合所有問題。",
    ),
    "compare.differs": (
        "The film's share goes from {low} to {high} with the baseline.",
        "影像所占比例隨起點由 {low} 變到 {high}。",
    ),
    "compare.alt": ("Map of {target} from a {baseline} film", "「{target}」由{baseline}影像起算的圖"),
    "compare.nothing": ("Explain a target first, then compare baselines.", "請先解釋一個目標，再比較起點。"),
    # how well such maps point
    "localisation.below": (
        "Measured on {films} {marked}, this checkpoint's {method} points at the evidence on {rate}"
        " ({interval}); knowing only where such findings usually lie does better, {prior}: this map says what"
        " moved the model, not where disease is.",
        "在 {films} 張{marked}上，此模型的{method}有 {rate}（{interval}）指到證據；"
        "僅知道病灶通常的位置反而更好，為 {prior}：此圖說明什麼影響了模型，而非病灶在哪裡。",
    ),
    "localisation.above": (
        "Measured on {films} {marked}, this checkpoint's {method} points at the evidence on {rate}"
        " ({interval}); knowing only where such findings usually lie, on {prior}.",
        "在 {films} 張{marked}上，此模型的{method}有 {rate}（{interval}）指到證據；"
        "僅知道病灶通常的位置則為 {prior}。",
    ),
    "localisation.boxes": ("films with boxes by radiologists", "有放射科醫師框選的影像"),
    "localisation.planted": ("phantoms whose evidence is known", "證據已知的模擬影像"),
}
