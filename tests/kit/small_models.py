"""Small models with random weights, for what does not depend on how good a model is."""


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
