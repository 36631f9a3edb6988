"""Models for tests: small ones with random weights, the packaged one without dropout."""


def save_small(folder, tokenizer, **changed):
    """Save a BERT of 2 layers, 32 wide, beside a real tokenizer; return the folder."""
    import torch
    from transformers import BertConfig, BertModel

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    more = {"intermediate_size": 64, "max_position_embeddings": 64, "vocab_size": 30_522}
    more["initializer_range"] = 0.3  # with the usual 0.02 all texts look much the same to it
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        BertModel(BertConfig(**{**shape, **more, **changed})).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def weights(model):
    """Return a copy of a model's weights by name."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    """Tell whether two models' weights are equal to the bit."""
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def without_dropout(classes):
    """Return the packaged classifier without dropout, and its tokenizer."""
    import torch

    from illusionkit.models import encoders

    model, tokenizer = encoders.classifier(classes)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):  # where older versions of transformers keep it
            module.dropout_prob = 0.0
    return model, tokenizer
