"""What a run on phantom studies draws, builds and trains, as a file (`training/configs/studies.json`)."""

from dataclasses import dataclass, replace
from pathlib import Path

from modeling.configuration import Configuration, ImageProcessing, ProcessorConfig
from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.study_fusion import FilmPooling, StudyFusionConfig, StudyModel


@dataclass(frozen=True)
class StudyTraining(Configuration):
    """Everything that decides a run.

    Attributes:
        start: folder of the single-film checkpoint from which image encoder, table statistics and tokenizer
            are taken.
        size: pixels along a film's side.
        train_studies, test_studies: how many are drawn, of two series that never meet.
        film_epochs: over the films alone, in which the film encoder learns; afterwards it stays as it is.
        fusion_epochs: over the studies, in which everything behind the film encoder learns.
        versions: augmented versions of every film from which each of these epochs takes one.
    """

    start: str
    model: StudyFusionConfig
    size: int = 128
    train_studies: int = 1200
    test_studies: int = 400
    train_series: int = 5101
    test_series: int = 5102
    film_epochs: int = 6
    fusion_epochs: int = 40
    versions: int = 3
    film_rate: float = 1e-3
    fusion_rate: float = 1e-3
    film_batch: int = 32
    fusion_batch: int = 48
    film_dropout: float = 0.25
    weight_decay: float = 0.02
    seed: int = 7

    @classmethod
    def load(cls, path: Path) -> "StudyTraining":
        """Read a settings file. Raises ViewboxError: there is none; CheckpointError: as always."""
        if not path.is_file():
            raise ViewboxError(
                "There is no settings file {path}; give one from training/configs/.", path=path
            )
        return cls.read(path)

    def begin(self, pooling: FilmPooling) -> tuple[StudyModel, StudyProcessor]:
        """A model before training, with the start's film encoder, and the start's processor at this size."""
        start, reader, _ = FusionModel.from_pretrained(self.start)
        image = replace(reader.config.image or ImageProcessing(), size=self.size)
        config: ProcessorConfig = replace(reader.config, image=image)
        processor = StudyProcessor(config, reader.tokenizer)
        model = StudyModel(replace(self.model, pooling=pooling), config)
        taken = start.encoders["image"].state_dict()
        own = model.image.state_dict()
        fits = {
            name: value for name, value in taken.items() if name in own and value.shape == own[name].shape
        }
        if len(fits) < 0.9 * len(own):
            unlike = "The film encoder of {name} is another than this model's; choose another start."
            raise ViewboxError(unlike, name=self.start)
        model.image.load_state_dict({**own, **fits})
        return model, processor
