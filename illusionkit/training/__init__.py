"""Training: one loop for fine-tuning, one for pre-training, and what they need.

`finetune` holds the loop; `batches` what it reads, `checks` what stops it, `checkpoints` and
`resume` what lets it go on; `book_model` trains *the* fine-tuned model once; `ablations` take the
loop apart; `pairs` and `pretraining` are for the BERT objective.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    batches="BUDGETS Batches Settings Split",
    finetune="evaluate fit probabilities",
    book_model="finetuned split_of splits tables units",
    ablations="difference loop",
    landscape="along random_way way weights",
    pairs="PairBatches read_pairs",
    pretraining="Plan from_packaged from_scratch judge pretrain unigram_nats",
)
