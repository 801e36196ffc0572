"""Alarms: text about versions that do not fit, from a process that went on."""

import time

import pytest

from knowngood.judge.probes import alarms
from knowngood.model import Action, Check, Ending, Exit, Outcome, ProbeFacts, Transcript

SITE = "/home/me/.knowngood/runs/embedding/20261124-075151-2a0b/combos/legacy-numpy2/env/lib/python3.11/site-packages"

# As torch 2.1.2 prints it with NumPy 2.4.6, without its traceback.
NUMPY_2 = f"""
A module that was compiled using NumPy 1.x cannot be run in
NumPy 2.4.6 as it may crash. To support both 1.x and 2.x
versions of NumPy, modules must be compiled with NumPy 2.0.
Some module may need to rebuild instead e.g. with 'pybind11>=2.12'.

If you are a user of the module, the easiest solution will be to
downgrade to 'numpy<2' or try to upgrade the affected module.
We expect that some modules will need time to support NumPy 2.

Traceback (most recent call last):  File "probe_api.py", line 307, in <module>
    main()
{SITE}/torch/nn/modules/transformer.py:20: UserWarning: """ + (
    "Failed to initialize NumPy: _ARRAY_API not found (Triggered internally at"
    " ../torch/csrc/utils/tensor_numpy.cpp:84.)\n"
    "  device: torch.device = torch.device(torch._C._get_default_device()),  # torch.device('cpu'),\n"
)


def printed(output: str, *warnings: str) -> ProbeFacts:
    action = Action(exit=Exit(ending=Ending.EXITED, code=0), seconds=1.0, log="p.log", output=output)
    checks = (Check(name="works", outcome=Outcome.PASSED, warnings=warnings),)
    return ProbeFacts(probe="p", action=action, transcript=Transcript(hello=True, bye=True, checks=checks))


def test_numpy_2_with_a_module_built_for_numpy_1_gives_two_alarms() -> None:
    assert alarms(printed(NUMPY_2)) == (
        "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.4.6",
        "Failed to initialize NumPy: _ARRAY_API not found",
    )


def test_an_alarm_that_is_printed_three_times_counts_once() -> None:
    assert alarms(printed(NUMPY_2 * 3)) == alarms(printed(NUMPY_2))
    assert len(alarms(printed(NUMPY_2 + NUMPY_2.replace("2.4.6", "2.0.2")))) == 3


@pytest.mark.parametrize(
    ("output", "alarm"),
    [
        (
            "[transformers] Disabling PyTorch because PyTorch >= 2.6 is required but found 2.5.1\n"
            "[transformers] PyTorch was not found. Models won't be available\n",
            "Disabling PyTorch because PyTorch >= 2.6 is required but found 2.5.1",
        ),
        (
            "RuntimeError: module compiled against API version 0x10 but this version of numpy is 0xf\n",
            "module compiled against API version 0x10 but this version of numpy is 0xf",
        ),
        (
            "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000\n",
            "module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000",
        ),
        (
            "module was compiled against NumPy C-API version 0x10 (NumPy 1.23) but the running NumPy has C-API version"
            " 0xf. Check the section C-API incompatibility at the Troubleshooting ImportError section\n",
            "module was compiled against NumPy C-API version 0x10 (NumPy 1.23) but the running NumPy has C-API version"
            " 0xf",
        ),
        (
            "UserWarning: Failed to initialize NumPy: module compiled against API version 0xf but this version of numpy"
            " is 0xd (Triggered internally at tensor_numpy.cpp:77.)\n",
            "Failed to initialize NumPy: module compiled against API version 0xf but this version of numpy is 0xd",
        ),
        (
            "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got"
            " 88 from PyObject\n",
            "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got"
            " 88 from PyObject",
        ),
        (
            "ImportError: Numba needs NumPy 2.0 or less. Got NumPy 2.3.\r\n",
            "Numba needs NumPy 2.0 or less. Got NumPy 2.3.",
        ),
        (
            f"{SITE}/torchvision/io/image.py:13: UserWarning: Failed to load image Python extension: "
            f"'{SITE}/torchvision/image.so: undefined symbol: _ZN3c1017RegisterOperatorsD1Ev'If you don't plan on\n",
            "torchvision/image.so: undefined symbol: _ZN3c1017RegisterOperatorsD1Ev",
        ),
        (
            "RuntimeError: operator torchvision::nms does not exist\n",
            "operator torchvision::nms does not exist",
        ),
    ],
)
def test_text_about_versions_that_do_not_fit_is_an_alarm_on_one_line(output: str, alarm: str) -> None:
    assert alarms(printed(f"some progress: 100%|███| 103/103\r{output}more text\n")) == (alarm,)


@pytest.mark.parametrize(
    "output",
    [
        "",
        # From legacy-wrong-order and modern, which both work.
        "Loading weights:   0%|          | 0/103 [00:00<?, ?it/s]\rLoading weights: 100%|██████████| 103/103\n",
        "UserWarning: Failed to initialize NumPy: No module named 'numpy' (Triggered internally at tensor.cpp:84.)\n",
        "UserWarning: Failed to initialize NumPy: numpy.core.multiarray failed to import (Triggered internally at x)\n",
        "RuntimeWarning: numpy.dtype size changed, may indicate binary incompatibility. Expected 80 from C header, got"
        " 96 from PyObject\n",
        "UserWarning: A NumPy version >=1.22.4 and <2.3.0 is required for this version of SciPy (detected version"
        " 2.4.1)\n",
        "PyTorch was not found. Models won't be available and only tokenizers can be used.\n",
        "Disabling PyTorch because USE_TF is set\n",
        "UserWarning: Failed to load image Python extension: \n",
        "Error in cpuinfo: prctl(PR_SVE_GET_VL) failed\n",
        "FutureWarning: `torch.utils._pytree._register_pytree_node` is deprecated.\n",
        "DeprecationWarning: numpy.core is deprecated and has been renamed to numpy._core.\n",
    ],
)
def test_the_output_of_a_working_combo_raises_no_alarm(output: str) -> None:
    assert alarms(printed(output)) == ()


def test_a_python_warning_in_a_check_raises_no_alarm() -> None:
    assert alarms(printed("", "DeprecationWarning: numpy.core is deprecated", NUMPY_2)) == ()


@pytest.mark.parametrize("output", ["a" * 200_000, "a: " * 70_000, "Disabling PyTorch because PyTorch " * 6_000])
def test_long_output_is_read_in_seconds(output: str) -> None:
    started = time.process_time()
    assert alarms(printed(output)) == ()
    # It takes milliseconds; a quadratic pattern would take minutes.
    assert time.process_time() - started < 10
