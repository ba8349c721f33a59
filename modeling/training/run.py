"""One training run: its data, its model, where it stands, and how it goes on after a kill."""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from modeling.calibration import fit_temperature, probabilities
from modeling.fusion import FusionModel
from modeling.labels import TASKS
from modeling.metrics import macro_auroc
from modeling.processing import ModelInputs
from modeling.training.corpora import Film
from modeling.training.films import Augmentation, TrainingTensors, augment
from modeling.training.initial_weights import load_initial_weights
from modeling.training.objective import (
    TrainedModel,
    class_weights,
    drop_modalities,
    opacity_loss,
    task_losses,
)
from modeling.training.preparation import build_processor
from modeling.training.settings import TrainingSettings

logger = logging.getLogger(__name__)
SAVE_EVERY = 60  # steps between saved states


class Run:
    """One training run: its data, its model, and where it stands."""

    def __init__(self, settings: TrainingSettings, films: Sequence[Film], out: Path, cache: Path) -> None:
        self.settings, self.out = settings, out
        out.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator()
        set_seed(settings.seed)
        train_films = [f for f in films if f.split == "train"]
        self.processor = build_processor(settings, train_films, out)
        self.films = films
        self.data = TrainingTensors.build(films, self.processor, cache)
        self.train_rows, self.validation_rows = self._rows("train"), self._rows("validation")
        self.weights = self._class_weights()
        model = TrainedModel(
            FusionModel(settings.model, self.processor.config), dense=settings.opacity_weight > 0
        )
        if settings.initial_weights:
            load_initial_weights(model.model, settings.initial_weights)
        model = model.to(memory_format=torch.channels_last)
        decay = get_ema_multi_avg_fn(settings.averaging)
        self.average = AveragedModel(model.model, multi_avg_fn=decay, use_buffers=True)
        self._prepare(model)
        self.epoch, self.step, self.best, self.best_epoch = 0, 0, -1.0, -1
        self.history: list[dict[str, float]] = []
        self.accelerator.register_for_checkpointing(self, self.average)

    # --- data

    def _rows(self, split: str) -> np.ndarray:
        rows = []
        for i, film in enumerate(self.films):
            if film.split == split:
                rows += [i] * (self.settings.repeat.get(film.source, 1) if split == "train" else 1)
        return np.array(rows)

    def _class_weights(self) -> dict[str, Tensor]:
        weights = {}
        for name, label in self.data.labels.items():
            shown = label[self.train_rows]
            counts = torch.bincount(torch.from_numpy(shown[shown >= 0]), minlength=len(TASKS[name].classes))
            weights[str(name)] = class_weights(counts, self.settings.class_balance)
        return weights

    def inputs(self, rows: np.ndarray, films: Tensor) -> ModelInputs:
        """Model inputs of these films, with pixels given as (B, h, w) in [0, 1]."""
        batch, data = len(rows), self.data
        return ModelInputs(
            image=self.processor.normalise(films).to(memory_format=torch.channels_last),
            image_given=torch.ones(batch, dtype=torch.bool),
            numeric=torch.from_numpy(data.numeric[rows]),
            category=torch.from_numpy(data.category[rows]),
            known=torch.from_numpy(data.known[rows]),
            tokens=torch.from_numpy(data.tokens[rows]),
            token_mask=torch.from_numpy(data.token_mask[rows]),
        )

    def _labels(self, rows: np.ndarray) -> dict[str, Tensor]:
        return {str(n): torch.from_numpy(v[rows]) for n, v in self.data.labels.items()}

    def _batch(self, rows: list[int]) -> tuple[ModelInputs, dict[str, Tensor], Tensor]:
        settings, index = self.settings, np.array(rows)
        generator = torch.Generator().manual_seed(hash((settings.seed, self.epoch, *rows[:4])) % 2**31)
        films = torch.from_numpy(self.data.films[index]).float() / 255.0
        masks = torch.from_numpy(self.data.masks[index]).float()
        size = settings.train_size or films.shape[-1]
        films, masks = augment(films, masks, Augmentation(), size, generator)
        inputs = self.inputs(index, films)
        dropout = (settings.table_dropout, settings.field_dropout, settings.image_dropout)
        return drop_modalities(inputs, *dropout, generator), self._labels(index), masks

    def _loader(self) -> DataLoader:
        order = np.random.default_rng((self.settings.seed, self.epoch)).permutation(self.train_rows)
        loader = DataLoader(order.tolist(), self.settings.batch_size, collate_fn=self._batch, drop_last=True)
        return self.accelerator.prepare_data_loader(loader, device_placement=False)

    # --- optimisation

    def _prepare(self, model: TrainedModel) -> None:
        settings = self.settings
        backbone = {id(p) for n, p in model.named_parameters() if ".backbone." in n or ".transformer." in n}
        groups = [
            {
                "params": [p for p in model.parameters() if id(p) in backbone],
                "max": settings.learning_rate * settings.backbone_rate,
            },
            {
                "params": [p for p in model.parameters() if id(p) not in backbone],
                "max": settings.learning_rate,
            },
        ]
        optimizer = torch.optim.AdamW(
            [{"params": g["params"], "lr": g["max"]} for g in groups if g["params"]],
            weight_decay=settings.weight_decay,
        )
        total = settings.epochs * (len(self.train_rows) // settings.batch_size + 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [g["max"] for g in groups if g["params"]], total_steps=total + 1, pct_start=0.15
        )
        self.model, self.optimizer, self.schedule = self.accelerator.prepare(model, optimizer, schedule)
        self.average.to(self.accelerator.device)

    def _optimise(self, batch: tuple[ModelInputs, dict[str, Tensor], Tensor]) -> dict[str, float]:
        inputs, labels, masks = batch
        device = self.accelerator.device
        logits, opacity = self.model(inputs.to(device))
        on_device = {n: v.to(device) for n, v in labels.items()}
        losses = task_losses(logits, on_device, self.weights, self.settings.label_smoothing)
        if opacity is not None:
            losses["opacity"] = self.settings.opacity_weight * opacity_loss(opacity, masks.to(device))
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
        loader = self._loader()
        total = len(loader)
        if self.step:
            loader = self.accelerator.skip_first_batches(loader, self.step)
        bar = tqdm(
            loader,
            desc=f"epoch {self.epoch + 1}/{self.settings.epochs}",
            initial=self.step,
            total=total,
            unit_scale=self.settings.batch_size,
            unit="film",
            mininterval=5,
            disable=not self.accelerator.is_main_process,
        )
        for batch in bar:
            losses = self._optimise(batch)
            self.step += 1
            bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})
            if self.step % SAVE_EVERY == 0:
                self.save()
        self.step = 0
        self.epoch += 1

    # --- validation

    @torch.inference_mode()
    def validation_logits(self) -> dict[str, np.ndarray]:
        """(N, K) logits of the averaged weights for the validation films."""
        model = self.average.module.eval()
        parts: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(self.validation_rows), 32):
            rows = self.validation_rows[start : start + 32]
            films = torch.from_numpy(self.data.films[rows]).float() / 255.0
            for name, logits in model(self.inputs(rows, films).to(self.accelerator.device)).items():
                parts.setdefault(name, []).append(logits.float().cpu().numpy())
        return {name: np.concatenate(rows) for name, rows in parts.items()}

    def labelled(self, name: str, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and labels of the validation films that have this task's label."""
        labels = self.data.labels[name][self.validation_rows]
        return logits[labels >= 0], labels[labels >= 0]

    def validate(self) -> bool:
        """Measure the averaged weights; keep them when they are the best. True to go on training."""
        logits = self.validation_logits()
        # Of probabilities: a class's own logit says nothing about how strong the others are.
        ranked = {n: probabilities(TASKS[n].kind, rows) for n, rows in logits.items()}
        scores = {n: macro_auroc(*self.labelled(n, rows)) for n, rows in ranked.items()}
        first = scores[str(self.settings.model.tasks[0].name)]
        self.history.append({"epoch": self.epoch, **{f"auroc_{n}": s for n, s in scores.items()}})
        logger.info(
            "epoch %d: %s", self.epoch, ", ".join(f"{n} macro AUROC {s:.4f}" for n, s in scores.items())
        )
        if first > self.best:
            self.best, self.best_epoch = first, self.epoch
            if self.accelerator.is_main_process:
                torch.save(self.average.module.state_dict(), self.out / "best.pt")
        return self.epoch - self.best_epoch < self.settings.patience

    # --- state

    def state_dict(self) -> dict:
        """Where the run stands, for accelerate's saved state."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }

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
        going = not self.history or self.epoch - self.best_epoch < self.settings.patience
        while going and self.epoch < self.settings.epochs:
            self.train_epoch()
            going = self.validate()
            self.save()

    def export(self) -> None:
        """Write the best weights as a checkpoint, with temperatures, split and history."""
        model = self.average.module
        model.load_state_dict(torch.load(self.out / "best.pt", map_location="cpu"))
        temperatures = {}
        for name, logits in self.validation_logits().items():
            rows, labels = self.labelled(name, logits)
            temperatures[name] = round(fit_temperature(TASKS[name].kind, rows, labels), 4)
        model.config = replace(self.settings.model, temperatures=temperatures)
        lines = ["source,film,patient,split"] + [
            f"{f.source},{f.film_id},{f.patient},{f.split}" for f in self.films
        ]
        extra = {
            "split.csv": "\n".join(lines) + "\n",
            "training.json": json.dumps(self.history, indent=2) + "\n",
        }
        if self.settings.half_precision:
            model.half()
        model.save_pretrained(self.out / "checkpoint", self.processor, extra)
        logger.info("wrote %s (best epoch %d)", self.out / "checkpoint", self.best_epoch)
