"""Training: one loop for fine-tuning, one for pre-training, and what they need.

`finetune` holds the loop and `session` what stands around it; `batches` what it reads, `losses`
what it minimises, `gradients` how, `checks` what stops it, `checkpoints` what lets it go on,
`graphs` its steps on a GPU; `own_data` reads what a reader has, `own_parts` parts it, `arguments`
knows what a `Trainer` was told; `book_model` trains *the* fine-tuned model once; `ablations` take
the loop apart; `pairs` and `pretraining` are for the BERT objective.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    batches="BUDGETS Batches Settings Split",
    finetune="evaluate fit probabilities",
    own_data="labelled",
    own_parts="parted",
    arguments="settings_from",
    book_model="finetuned split_of splits tables units",
    ablations="difference loop",
    landscape="along random_way way weights",
    pairs="PairBatches read_pairs",
    pretraining="Plan from_packaged from_scratch judge pretrain unigram_nats",
)
