"""Accelerate is asked anew for each training; attention on a GPU is given back as it was."""

import pytest
import torch

from illusionkit.training.session import accelerator_of, attention_without_cudnn


@pytest.fixture
def elsewhere(monkeypatch):
    """An Accelerator of an earlier training, on a device that is not the one wanted next."""
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "meta")
    yield accelerator_of("fp32")
    monkeypatch.undo()
    accelerator_of("fp32")


def test_a_device_of_an_earlier_training_is_not_kept(elsewhere, monkeypatch):
    assert elsewhere.device.type == "meta"
    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE")
    assert accelerator_of("fp32").device.type != "meta"


@pytest.mark.parametrize("before", (True, False))
def test_on_a_gpu_attention_goes_without_cudnn_for_a_time(before):
    old = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(before)
    try:
        with pytest.raises(KeyError), attention_without_cudnn("cuda:0"):
            assert not torch.backends.cuda.cudnn_sdp_enabled()
            raise KeyError
        assert torch.backends.cuda.cudnn_sdp_enabled() == before
        with attention_without_cudnn(torch.device("cpu")):
            assert torch.backends.cuda.cudnn_sdp_enabled() == before
    finally:
        torch.backends.cuda.enable_cudnn_sdp(old)
