"""The errors that the kit raises on purpose: each says what was wrong and what to do."""

DECIDES_NO_NUMBER = True  # see illusionkit.meaning


class IllusionError(Exception):
    """Base of the errors that the kit raises on purpose; the command line prints one line."""


class ArchiveError(IllusionError):
    """An archive or one of its members is missing, unreachable or not the pinned one."""


class CacheError(IllusionError):
    """The cache folder can't be written: no permission, or no room left."""


class DataError(IllusionError):
    """A data set lacks what an experiment needs: a column, a class, units, rows."""


class DesignError(IllusionError):
    """Two scores were to be subtracted that their experimental design forbids to subtract."""


class ResultsError(IllusionError):
    """A results table is missing, stale or was edited by hand."""


class ClaimError(IllusionError):
    """A claimed number was not met by the run that should have proven it."""


class ModelError(IllusionError):
    """A model can't be loaded: no hub, an incomplete folder, a vocabulary that does not fit."""


class TrainingError(IllusionError):
    """Training can't begin, or had to stop: the data or the settings do not allow it."""
