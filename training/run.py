"""One training run: its data, its model, where it stands, and how it goes on after a kill.

Kill it anywhere and the same `viewbox train` goes on from the last saved step. With more than one device,
`accelerate launch -m viewbox train ...` splits each batch over them.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from evaluation.metrics.one_label import macro_auroc
from modeling.csv_cells import csv_text
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import fit_temperature, probabilities
from training import objective
from training.batches import Batch, Batches
from training.branches import branch_of, check_frozen, rate_of, resting, stays
from training.corpora import open_corpus
from training.corpora.duplicates import twins_share_a_patient
from training.corpora.labelled_film import Film
from training.event_log import EventLog
from training.films import TrainingTensors
from training.initial_weights import InitialWeights
from training.label_counts import COUNTS_FILE, check, counted, lines
from training.masked_language import MaskedLanguageStage
from training.objective import TrainedModel
from training.preparation import build_processor
from training.refitting import entering, refit
from training.settings import TrainingSettings
from training.weight_sources import STARTED_FILE

logger = logging.getLogger(__name__)
SAVE_EVERY = 60  # steps between saved states
GAPS_FILE = "masked_language.pt"


class Run:
    """One training run: its data, its model, and where it stands."""

    def __init__(
        self,
        settings: TrainingSettings,
        films: Sequence[Film],
        out: Path,
        cache: Path,
        log_dir: Path | None = None,
    ) -> None:
        """
        Raises:
            ViewboxError: there is no film to train on, a stage has no encoder to work on, or there is nothing
                that writes a log for TensorBoard into `log_dir`.
        """
        self.events = EventLog(log_dir)
        self.start = InitialWeights(settings, out)
        settings = self.start.settings
        self.settings, self.out, self.films, self.cache = settings, out, films, cache
        out.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator()
        set_seed(settings.seed)
        known = [film for film in films if film.split == "train"]
        self.processor = build_processor(settings, known, out, self.start.tokenizer, self.start.table)
        self.tasks = {task.name: task.spec for task in settings.model.tasks}
        self.policies = {task: settings.policy(task) for task in self.tasks.values()}
        self.data = TrainingTensors.build(films, self.processor, cache, self.policies)
        self.batches = Batches(settings, films, self.processor, self.data)
        if len(self.batches.train) < settings.batch_size:
            raise ViewboxError("There are fewer training films than a batch holds; give more of them.")
        self.weights = self.batches.class_weights()
        model = self._model()
        decay = get_ema_multi_avg_fn(settings.averaging)
        self.average = AveragedModel(model.model, multi_avg_fn=decay, use_buffers=True)
        self._prepare(model)
        self.epoch, self.step, self.best, self.best_epoch = 0, 0, -1.0, -1
        self.history: list[dict[str, float]] = []
        self.losses: dict[str, tuple[float, int]] = {}  # of this epoch: each one's sum, and of how many steps
        self.accelerator.register_for_checkpointing(self, self.average)

    def _model(self) -> TrainedModel:
        """The model to begin with: initial weights, and the text encoder after its gaps."""
        settings = self.settings
        model = TrainedModel(
            FusionModel(settings.model, self.processor.config),
            dense=settings.opacity_weight > 0,
            contrastive=settings.contrastive_weight > 0,
            claims=settings.claim_weight > 0,
        )
        self.start.fill(model.model, self.batches.some_films())
        check_frozen(settings.frozen, model)
        for name, weights in model.named_parameters():
            if stays(name, settings.frozen, settings.learning):
                weights.requires_grad_(False)
        if settings.masked_language is not None:
            encoder, keep = model.model.encoders["text"], self.out / GAPS_FILE
            texts = self.batches.texts()
            MaskedLanguageStage(encoder, texts, settings.masked_language, keep, settings.seed).train()
            set_seed(settings.seed)  # whether the stage ran now or before, the rest draws the same numbers
        return model.to(memory_format=torch.channels_last)

    def _loader(self) -> DataLoader:
        batched = {"batch_size": self.settings.batch_size, "drop_last": True}
        collate = partial(self.batches.training, epoch=self.epoch)
        loader = DataLoader(self.batches.order(self.epoch), collate_fn=collate, **batched)
        return self.accelerator.prepare_data_loader(loader, device_placement=False)

    # --- optimisation

    def _prepare(self, model: TrainedModel) -> None:
        settings = self.settings
        groups: dict[float, list[torch.nn.Parameter]] = {}
        self._learning: dict[str, float] = {}  # what learns -> the peak of its rate
        for name, weights in model.named_parameters():
            rate = settings.learning_rate * rate_of(name, settings.learning, settings.backbone_rate)
            groups.setdefault(rate, []).append(weights)
            if weights.requires_grad:
                self._learning[branch_of(name) or "heads"] = rate
        peaks = self._peaks = list(groups)
        learnt = [{"params": own, "lr": peak} for peak, own in groups.items()]
        optimizer = torch.optim.AdamW(learnt, weight_decay=settings.weight_decay)
        total = settings.epochs * (len(self.batches.train) // settings.batch_size + 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, peaks, total_steps=total + 1, pct_start=0.15
        )
        self.model, self.optimizer, self.schedule = self.accelerator.prepare(model, optimizer, schedule)
        self.average.to(self.accelerator.device)

    def _optimise(self, batch: Batch) -> dict[str, float]:
        settings, device = self.settings, self.accelerator.device
        outputs, sides = self.model(batch.inputs.to(device)), (batch.labels, batch.label_weights)
        labels, counted = ({n: v.to(device) for n, v in rows.items()} for rows in sides)
        form = (settings.label_smoothing, settings.focal_gamma)
        about = (self.weights, *form, counted, self.tasks.values())
        losses = objective.task_losses(outputs.logits, labels, *about)
        losses = objective.weigh_labels(losses, labels, settings.label_weights)
        masks, appearance = batch.masks.to(device), labels[APPEARANCE]
        if outputs.opacity is not None:
            losses["opacity"] = settings.opacity_weight * objective.opacity_loss(outputs.opacity, masks)
        if outputs.evidence is not None:
            claims = objective.claim_loss(outputs.evidence, appearance, masks)
            losses["claims"] = settings.claim_weight * claims
        if outputs.paired is not None:
            scale = self.accelerator.unwrap_model(self.model).shared.scale
            pairs = objective.contrastive_loss(outputs, batch.patients.to(device), scale)
            losses["contrastive"] = settings.contrastive_weight * pairs
        total = torch.stack(list(losses.values())).sum()
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.accelerator.unwrap_model(self.model).model)
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def train_epoch(self) -> None:
        """One pass over the training films, from wherever the run stands."""
        self.model.train()
        for module in resting(self.accelerator.unwrap_model(self.model).model, self.settings.learning):
            module.eval()
        loader = self._loader()
        total = len(loader)
        if self.step:
            loader = self.accelerator.skip_first_batches(loader, self.step)
        else:
            self.losses = {}
        shown = {"initial": self.step, "total": total, "unit": "film", "unit_scale": self.settings.batch_size}
        shown |= {"mininterval": 5, "disable": not self.accelerator.is_main_process}
        bar = tqdm(loader, desc=f"epoch {self.epoch + 1}/{self.settings.epochs}", **shown)
        for batch in bar:
            losses = self._optimise(batch)
            self.step += 1
            for name, loss in losses.items():
                summed, steps = self.losses.get(name, (0.0, 0))
                self.losses[name] = (summed + loss, steps + 1)
            bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})
            if self.step % SAVE_EVERY == 0:
                self.save()
        self.step = 0
        self.epoch += 1

    # --- validation

    @torch.inference_mode()
    def validation_logits(self, batches: Batches | None = None) -> dict[str, np.ndarray]:
        """(N, K) logits of the averaged weights for the validation films, of the run or of `batches`."""
        model, batches = self.average.module.eval(), batches or self.batches
        device = next(model.parameters()).device
        parts: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(batches.validation), 32):
            inputs = batches.plain(batches.validation[start : start + 32])
            for name, logits in model(inputs.to(device)).items():
                parts.setdefault(name, []).append(logits.float().cpu().numpy())
        return {name: np.concatenate(rows) for name, rows in parts.items()}

    def labelled(self, name: str, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and labels of the validation films that have this task's label."""
        labels = self.data.labels[name][self.batches.validation]
        known = labels >= 0 if labels.ndim == 1 else np.isfinite(labels).any(axis=1)
        return logits[known], labels[known]

    def validate(self) -> bool:
        """Measure the averaged weights; keep them when they are the best. True to go on training."""
        logits = self.validation_logits()
        # Of probabilities: a class's own logit says nothing about how strong the others are.
        ranked = {n: probabilities(self.tasks[n].kind, rows) for n, rows in logits.items()}
        scores = {n: macro_auroc(*self.labelled(n, rows)) for n, rows in ranked.items()}
        first = scores[self.settings.model.tasks[0].name]
        self.history.append({"epoch": self.epoch, **{f"auroc_{n}": s for n, s in scores.items()}})
        told = ", ".join(f"{n} macro AUROC {s:.4f}" for n, s in scores.items())
        logger.info("epoch %d: %s", self.epoch, told)
        if self.best_epoch < 0 or first > self.best or self.settings.keep == "last":
            self.best, self.best_epoch = -1.0 if np.isnan(first) else first, self.epoch
            if self.accelerator.is_main_process:
                torch.save(self.average.module.state_dict(), self.out / "best.pt")
        return self._going_on()

    def _going_on(self) -> bool:
        return self.settings.keep == "last" or self.epoch - self.best_epoch < self.settings.patience

    # --- state

    def state_dict(self) -> dict:
        """Where the run stands, for accelerate's saved state."""
        kept = ("epoch", "step", "best", "best_epoch", "history", "losses")
        return {name: getattr(self, name) for name in kept}

    def load_state_dict(self, state: dict) -> None:
        """Take up where a saved run stood."""
        vars(self).update(state)

    def save(self) -> None:
        """Save everything; a kill in the middle leaves the older state whole."""
        part, state = self.out / "state.part", self.out / "state"
        self.accelerator.save_state(str(part))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            shutil.rmtree(state, ignore_errors=True)
            part.rename(state)

    def resume(self) -> None:
        """Go on from the saved state, where there is one."""
        if (self.out / "state").is_dir():
            self.accelerator.load_state(str(self.out / "state"))
            logger.info("resumed at epoch %d, step %d", self.epoch, self.step)

    def train(self) -> None:
        """Train to the end, or until the validation score stops rising."""
        self.resume()
        going = not self.history or self._going_on()
        with self.events.begin(self.epoch + 1) as events:
            while going and self.epoch < self.settings.epochs:
                self.train_epoch()
                going = self.validate()
                events.write(self.epoch, self._curves())
                self.save()

    def _curves(self) -> dict[str, float]:
        """Where each curve of the log stands after an epoch."""
        groups = self.optimizer.param_groups
        rates = dict(zip(self._peaks, (group["lr"] for group in groups), strict=True))
        scores = {f"validation/{name}": x for name, x in self.history[-1].items() if name != "epoch"}
        losses = {f"loss/{name}": total / steps for name, (total, steps) in self.losses.items()}
        return losses | scores | {f"learning_rate/{n}": rates[peak] for n, peak in self._learning.items()}

    def export(self) -> None:
        """Write the best weights as a checkpoint, with temperatures, split and history."""
        model = self.average.module
        model.load_state_dict(torch.load(self.out / "best.pt", map_location="cpu"))
        model.to("cpu")
        processor, served = self._served()
        self._refit(served)
        temperatures = {}
        for name, logits in self.validation_logits(served).items():
            rows, labels = self.labelled(name, logits)
            temperatures[name] = round(fit_temperature(self.tasks[name].kind, rows, labels), 4)
        model.config = replace(self.settings.model, temperatures=temperatures)
        films = ((f.source, f.film_id, f.patient, f.split) for f in self.films)
        extra = {"split.csv": csv_text(("source", "film", "patient", "split"), films)}
        extra[COUNTS_FILE] = json.dumps(counted(self.settings, self.films), indent=1) + "\n"
        extra[STARTED_FILE] = self.start.to_text()
        extra["training.json"] = json.dumps(self.history, indent=2) + "\n"
        if self.settings.half_precision:
            model.half()
        model.save_pretrained(self.out / "checkpoint", processor, extra)
        logger.info("wrote %s (best epoch %d)", self.out / "checkpoint", self.best_epoch)

    def _served(self) -> tuple[StudyProcessor, Batches]:
        """The processor to export, and the studies as it gives them."""
        settings, config = self.settings, self.processor.config
        if not settings.serve_size:
            return self.processor, self.batches
        image = replace(config.image, size=settings.serve_size)
        processor = StudyProcessor(replace(config, image=image), self.processor.tokenizer)
        data = TrainingTensors.build(self.films, processor, self.cache, self.policies)
        return processor, Batches(settings, self.films, processor, data)

    def _refit(self, batches: Batches) -> None:
        """Fit the heads that the settings name once more."""
        model, rows = self.average.module, np.unique(batches.train)
        for name in self.settings.refit:
            taught = rows[self.data.labels[name][rows] >= 0]
            if not len(taught):
                logger.warning("no training film has a label for %s: its head is not refitted", name)
                continue
            parts = (batches.plain(taught[i : i + 32]) for i in range(0, len(taught), 32))
            labels = torch.from_numpy(self.data.labels[name][taught])
            refit(model, name, entering(model, name, parts), labels, self.weights[str(name)])
            logger.info("refitted %s on %d studies", name, len(taught))


def gathered(settings: TrainingSettings, data: Path, limit: int = 0) -> list[Film]:
    """The films and reports of a run, twins with one patient; at most `limit` a corpus, 0 for all.

    Raises:
        ViewboxError: a corpus is not there or cannot be read.
    """
    films = [film for name in settings.corpora for film in open_corpus.load(name, data)[: limit or None]]
    pictures, reports = [f for f in films if f.encoded], [f for f in films if not f.encoded]
    return (twins_share_a_patient(pictures) if pictures else []) + reports


def check_out(*folders: Path | None) -> None:
    """Refuse what is to be written to before anything is read.

    Raises:
        ViewboxError: one of them is a file.
    """
    for folder in folders:
        if folder is not None and folder.is_file():
            raise ViewboxError("'{path}' is a file; name a folder to write to.", path=str(folder))


def train(
    settings_file: Path,
    data: Path,
    out: Path,
    *,
    cache: Path = Path("runs/cache"),
    limit: int = 0,
    log_dir: Path | None = None,
) -> Path:
    """Train on the corpora in `data` as a settings file says, and export the checkpoint; returns its folder.

    The same folder `out` resumes a run. `limit`: at most so many films a corpus, for a quick try that may
    miss a class; 0 for all. `log_dir`: for TensorBoard, see `EventLog`.

    Raises:
        ViewboxError: a setting means nothing, a corpus cannot be read, or the films cannot teach a task.
    """
    check_out(out, log_dir)
    settings = TrainingSettings.load(settings_file)
    films = gathered(settings, data, limit)
    for line in lines(check(replace(settings, unseen="allow") if limit else settings, films)):
        logger.info(line)
    run = Run(settings, films, out, cache, log_dir)
    run.train()
    run.export()
    return out / "checkpoint"
