"""The quiz: read first, then see the model, then the reference."""

STRINGS: dict[str, tuple[str, str]] = {
    "tab.quiz": ("Quiz", "測驗"),
    "quiz.title": ("Can you read these films better than the model?", "您判讀得比模型好嗎？"),
    "quiz.intro": (
        "{length} films. You read each one first and say how sure you are. Then you see the model's answer"
        " and its map, and may change yours. Then you see the reference. On some films the model is wrong.",
        "共 {length} 張影像。每張先由您判讀並說明把握，再看模型的答案與熱圖，可以改答，最後看參考答案。"
        "有些影像模型會答錯。",
    ),
    "quiz.private": (
        "Your results stay in this browser. Nothing is stored on the server.",
        "結果只留在您的瀏覽器，伺服器不儲存任何資料。",
    ),
    "quiz.code": ("Quiz code (empty for a new set)", "測驗代碼（空白則出新題）"),
    "quiz.code_hint": (
        "the same code gives a whole class the same films",
        "相同代碼讓全班得到相同影像",
    ),
    "quiz.bad_code": (
        "A quiz code has letters a to z, digits and hyphens only, at most 32; correct it or leave it empty.",
        "測驗代碼只能有英文字母、數字與連字號，最多 32 個；請更正或留空。",
    ),
    "quiz.begin": ("Start the quiz", "開始測驗"),
    "quiz.choosing": (
        "Choosing the films: the model reads them first ({done} of {total}).",
        "正在選題：模型先判讀影像（{done} / {total}）。",
    ),
    "quiz.waiting": ("Waiting for the model to be loaded …", "等待模型載入……"),
    "quiz.no_cases": (
        "No case here has both a film that may be shown and a reference; open another store.",
        "此處沒有可顯示影像且有參考答案的病例；請改用其他病例庫。",
    ),
    "quiz.too_slow": (
        "The films are not ready yet; press Start again in a minute.",
        "影像尚未備妥；請一分鐘後再按「開始測驗」。",
    ),
    "quiz.case": ("Quiz film {number}", "測驗影像 {number}"),
    "quiz.step_read": (
        "Film {number} of {total}: read it first",
        "第 {number} / {total} 張：請先判讀",
    ),
    "quiz.step_revise": (
        "Film {number} of {total}: now you see the model",
        "第 {number} / {total} 張：這是模型的答案",
    ),
    "quiz.step_reveal": ("Film {number} of {total}: the reference", "第 {number} / {total} 張：參考答案"),
    "quiz.step_over": ("Your results", "您的結果"),
    "quiz.read_hint": (
        "Choose the appearance, say how sure you are, and mark on the film what you base it on (button Mark,"
        " or key B in the film, then arrows and Space).",
        "選擇型態、說明把握，並在影像上標出依據（按「標記」，或在影像上按 B 鍵，再用方向鍵與空白鍵）。",
    ),
    "quiz.revise_hint": (
        "Keep your answer or change it. Your mark counts as it was when you committed.",
        "可以維持或更改答案。標記以您送出時為準。",
    ),
    "quiz.indication": ("Indication", "檢查原因"),
    "quiz.table": ("Clinical table", "臨床資料"),
    "quiz.no_data": ("nothing is known", "無資料"),
    "quiz.classes": ("What the four answers mean", "四種答案的意義"),
    "quiz.answer": ("Your answer", "您的答案"),
    "quiz.confidence": ("How sure are you?", "您有多少把握？"),
    "quiz.sure_guess": ("25 %: a guess", "25%：猜的"),
    "quiz.sure_half": ("50 %", "50%"),
    "quiz.sure_more": ("75 %", "75%"),
    "quiz.sure_much": ("90 %", "90%"),
    "quiz.sure_certain": ("99 %: certain", "99%：確定"),
    "quiz.commit": ("Commit: this is my reading", "送出：這是我的判讀"),
    "quiz.reveal": ("Show the reference", "看參考答案"),
    "quiz.next": ("Next film", "下一張"),
    "quiz.finish": ("End the quiz now", "結束測驗"),
    "quiz.again": ("Another set", "再測一組"),
    "quiz.incomplete": (
        "Choose an answer and how sure you are first.",
        "請先選擇答案與把握。",
    ),
    "quiz.unmarked": (
        "You have marked nothing yet. Mark what you see, or press Commit once more to go on without a mark.",
        "您尚未標記。請標出所見，或再按一次「送出」不標記而繼續。",
    ),
    "quiz.no_sitting": ("This quiz is no longer open; start it again.", "此測驗已結束；請重新開始。"),
    # the model
    "quiz.model_title": ("The model's answer", "模型的答案"),
    "quiz.model_says": ("The model says {name}, {percent}.", "模型認為是「{name}」，{percent}。"),
    "quiz.model_agrees": ("It agrees with you.", "與您相同。"),
    "quiz.model_differs": ("You said {name}.", "您的答案是「{name}」。"),
    "quiz.map_coming": ("Its map is being computed …", "熱圖計算中……"),
    "quiz.map_there": (
        "Its map is on the film: orange speaks for {name}, blue against.",
        "熱圖已在影像上：橙色支持「{name}」，藍色反對。",
    ),
    "quiz.map_unfit": (
        "The map has not converged; do not read much into it.",
        "熱圖尚未收斂；請勿過度解讀。",
    ),
    "quiz.map_none": ("There is no map: the model did not read the film.", "沒有熱圖：模型未讀取影像。"),
    # the reference
    "quiz.truth_title": ("The reference", "參考答案"),
    "quiz.truth": ("Reference: {name}.", "參考答案：{name}。"),
    "quiz.first": ("Your first answer", "您最初的答案"),
    "quiz.second": ("Your final answer", "您最後的答案"),
    "quiz.model": ("The model", "模型"),
    "quiz.right": ("right", "正確"),
    "quiz.wrong": ("wrong", "錯誤"),
    "quiz.planted": ("Where it was planted", "病灶位置"),
    "quiz.planted_scale": (
        "Orange is where the opacities were planted in this computed film.",
        "橙色為此合成影像中植入病灶的位置。",
    ),
    "quiz.overlap_truth": (
        "Your mark and the planted region overlap by {percent} (IoU); the middle of your mark is {where} it.",
        "您的標記與病灶重疊 {percent}（IoU）；標記中心在病灶{where}。",
    ),
    "quiz.inside": ("inside", "之內"),
    "quiz.outside": ("outside", "之外"),
    "quiz.overlap_map": (
        "Your mark and the strongest part of the model's map, of the same area, overlap by {percent} (IoU).",
        "您的標記與熱圖最強處（相同面積）重疊 {percent}（IoU）。",
    ),
    "quiz.nothing_marked": ("You marked nothing.", "您沒有標記。"),
    "quiz.nothing_planted": ("No opacity is known on this film.", "此影像沒有已知病灶。"),
    "quiz.definition_Negative": ("Negative: no lung opacities.", "陰性：沒有肺部陰影。"),
    "quiz.definition_Typical": (
        "Typical: opacities on both sides, peripheral or rounded, mostly in the lower lungs.",
        "典型：雙側陰影，位於周邊或呈圓形，以下肺為主。",
    ),
    "quiz.definition_Indeterminate": (
        "Indeterminate: opacities, but on one side, central, or mostly in the upper lungs.",
        "不確定：有陰影，但為單側、中央或以上肺為主。",
    ),
    "quiz.definition_Atypical": (
        "Atypical: pneumothorax, effusion, edema, lobar consolidation, nodule, mass, tiny nodules or cavity.",
        "非典型：氣胸、肋膜積水、肺水腫、肺葉實質化、結節、腫塊、粟粒結節或空洞。",
    ),
    "quiz.lesson_talked_over": (
        "You were right and let the model change your mind: its certainty is not evidence,"
        " so ask what it saw.",
        "您原本答對，卻被模型說服：模型的把握不是證據，請問它看到了什麼。",
    ),
    "quiz.lesson_both_misled": (
        "The model was wrong, and so were you: two readers who agree can share one mistake.",
        "模型錯了，您也錯了：意見相同的兩人可能犯同一個錯。",
    ),
    "quiz.lesson_withstood": (
        "The model was wrong and you were not: trust what you can point at.",
        "模型錯了而您答對：相信您指得出來的證據。",
    ),
    "quiz.lesson_confounder": (
        "Something on this film has nothing to do with disease (a marker or a hospital's own mark): a model"
        " can learn to read that instead.",
        "此影像上有與疾病無關之物（標記或醫院印記）：模型可能學會只看它。",
    ),
    "quiz.lesson_not_in_film": (
        "This film shows little plainly: what decides here stands in the words or the table.",
        "此影像所見不明顯：決定答案的是文字或臨床資料。",
    ),
    "quiz.lesson_helped": (
        "The model helped you: go back to the film and find what you had missed.",
        "模型幫了您：請回到影像，找出您漏看之處。",
    ),
    "quiz.lesson_left_alone": (
        "You were right at first and so was the model: know why before you change an answer.",
        "您原本與模型都答對：更改答案前請先知道理由。",
    ),
    "quiz.lesson_agreed": (
        "You and the model were right: check that the map shows your reason and not another one.",
        "您與模型都答對：請確認熱圖顯示的是您的理由，而非其他原因。",
    ),
    "quiz.lesson_missed": (
        "The reference is another one: compare the marked region with the definition above.",
        "參考答案不同：請將標示的區域與上述定義對照。",
    ),
    # the results
    "quiz.before": ("Right before seeing the model", "看模型前答對"),
    "quiz.after": ("Right after seeing the model", "看模型後答對"),
    "quiz.model_right": ("The model was right", "模型答對"),
    "quiz.to_right": ("Answers that the model turned right", "看模型後改對"),
    "quiz.to_wrong": ("Answers that the model turned wrong", "看模型後改錯"),
    "quiz.brier": ("Brier score of your confidence, before and after", "把握的 Brier 分數（前、後）"),
    "quiz.brier_note": (
        "0 is best; saying 50 % every time gives 0.25.",
        "0 為最佳；每次都說 50% 為 0.25。",
    ),
    "quiz.sure": ("Your mean confidence before; you were right in", "看模型前的平均把握；實際答對"),
    "quiz.overconfident": (
        "You were surer than right: lower your confidence.",
        "您的把握高於答對率：請降低把握。",
    ),
    "quiz.underconfident": (
        "You were more often right than sure: trust yourself more.",
        "您的答對率高於把握：可以更有信心。",
    ),
    "quiz.calibrated": (
        "Your confidence was about as high as it deserved to be.",
        "您的把握與答對率相當。",
    ),
    "quiz.few": (
        "Films read: {n}. So few leave much in these numbers to chance.",
        "已判讀 {n} 張影像：數量少，這些數字受機遇影響很大。",
    ),
    "quiz.hits": ("Marks whose middle lay in the planted region", "標記中心在病灶內"),
    "quiz.iou_truth": ("Mean overlap with the planted region (IoU)", "與病灶的平均重疊（IoU）"),
    "quiz.iou_map": ("Mean overlap with the model's map (IoU)", "與模型熱圖的平均重疊（IoU）"),
    "quiz.drills": (
        "{drills} of these films were drills: the model is known to be wrong on them, and nothing told you."
        " You ended right on {withstood} and with the model's wrong answer on {followed}.",
        "其中 {drills} 張是演練：已知模型會答錯，但事先未告知。"
        "您最後答對 {withstood} 張，{followed} 張跟隨了模型的錯誤。",
    ),
    "quiz.drills_conflict": (
        "{drills} of these films were drills: their film, words and table tell different stories. You ended"
        " right on {withstood} and with a wrong answer of the model on {followed}.",
        "其中 {drills} 張是演練：影像、文字與臨床資料互相矛盾。"
        "您最後答對 {withstood} 張，{followed} 張跟隨了模型的錯誤。",
    ),
    "quiz.drill": ("drill", "演練"),
    "quiz.film": ("Film", "影像"),
    "quiz.share": ("The same set for your class:", "讓全班做同一組："),
    "quiz.set_name": ("set {name}", "題組 {name}"),
    "quiz.copy": ("Copy the link", "複製連結"),
    "quiz.copied": ("Copied.", "已複製。"),
    "quiz.score_title": ("Score", "成績"),
    "quiz.cases_title": ("Film by film", "逐張結果"),
    "quiz.nothing_done": ("No film was finished.", "沒有完成任何影像。"),
    # what the browser keeps
    "quiz.kept": ("Results kept in this browser", "保存在此瀏覽器的結果"),
    "quiz.kept_row": (
        "{when}, quiz {code}: {done} of {total} films, right {before} before and {after} after",
        "{when}，測驗 {code}：{done} / {total} 張，看模型前答對 {before}、後 {after}",
    ),
    "quiz.continue": ("Go on with film {number}", "繼續第 {number} 張"),
    "quiz.cannot_resume": (
        "What this browser kept of that quiz cannot be continued; start it again with its code.",
        "此瀏覽器保存的測驗無法繼續；請用代碼重新開始。",
    ),
    "quiz.set_changed": (
        "The films behind that code are other ones now; start the quiz again.",
        "該代碼的題目已改變；請重新開始測驗。",
    ),
    "quiz.csv": ("Download CSV", "下載 CSV"),
    "quiz.forget": ("Delete", "刪除"),
    "quiz.full": (
        "This browser lets nothing be kept; download the CSV before you leave.",
        "此瀏覽器無法保存資料；離開前請下載 CSV。",
    ),
}
