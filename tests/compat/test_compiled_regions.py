"""The kernels of regions as inductor of PyTorch 2.14 writes them."""
import sys

import pytest

from mmrep.compat.compiled_regions import kernels_in, watch_regions

# two products, two kernels and an operation that inductor leaves to PyTorch
PYTHON = r'''
async_compile = extern_kernels = None
cpp_fused_add_mul_0 = async_compile.cpp_pybinding(['float*'], r"""
extern "C"  void  kernel(float* in_out_ptr0)
""")
@triton_heuristics.pointwise(size_hints=[8])
def triton_poi_fused_relu_1(in_ptr0, xnumel):
class Runner:
    def call(self, args):
        buf0 = empty_strided_cpu((8, 8), (8, 1), torch.float32)
        # Topologically Sorted Source Nodes: extern_kernels.mm(
        extern_kernels.mm(primals_1, primals_2, out=buf0)
        cpp_fused_add_mul_0(buf2, buf0)
        buf4 = extern_kernels.convolution(buf0, buf2, stride=(1, 1))
        buf5 = torch.ops.aten.sort.stable(buf4, stable=True)
        triton_poi_fused_relu_1.run(buf4, 64, stream=stream0)
'''
# two kernels and three operations
CPP = r'''
extern "C"  void  cpp_fused_ones_0(float* out_ptr0);
CACHE_TORCH_DTYPE(float32);
template <typename in_ptr0_type_>
static inline void call_triton_poi_fused_add_1(
void inductor_entry_impl(
    CHECK(aoti_torch_empty_strided(4, a, b, cached_torch_dtype_float32));
    cpp_fused_ones_0((float*)(buf3.data_ptr()));
    // Source Nodes: aoti_torch_cpu_mm_out(
    CHECK(aoti_torch_cpu_mm_out(buf0, primals_1, primals_2));
    CHECK(aoti_torch_cpu_convolution(wrap_with_raii_handle_if_needed(
    CHECK(aoti_torch_cuda_bmm_out(buf5, buf0, buf3));
    call_triton_poi_fused_add_1(buf0, buf5, 64L, stream);
} // inductor_entry_impl
extern "C"  void  cpp_fused_ones_0(float* out_ptr0)
'''


@pytest.mark.parametrize(
    'source, kernels', [(PYTHON, 5), (CPP, 5), ('', 0)],
    ids=['python', 'cpp', 'none'])
def test_kernels(source, kernels):
    assert kernels_in(source) == kernels


def module_of(tmp_path, mark, entry):
    """A function in a module like one that inductor writes."""
    text = (f'{mark} = None\n\n\ndef {entry}(kernel):\n'
            f'    def cpp_fused_0(x): kernel()\n    cpp_fused_0(1)\n')
    path = tmp_path / 'c123.py'
    path.write_text(text)
    values = {}
    exec(compile(text, str(path), 'exec'), values)
    return values[entry]


@pytest.mark.parametrize('mark, entry, kernels',
                         [('AsyncCompile', 'call', [1, 1]),
                          ('CppWrapperCodeCache', 'g', [1, 1]),
                          ('AsyncCompile', 'other', []),
                          ('ordinary', 'call', [])])
def test_regions_that_run(tmp_path, mark, entry, kernels):
    launched, told, inside = [], [], []
    region = module_of(tmp_path, mark, entry)
    before = sys.getprofile()
    with watch_regions(launched.append, inside.append):
        for _ in range(2):
            region(lambda: told.append(list(inside)))
    region(list)
    assert sys.getprofile() is before
    assert launched == kernels
    assert inside == [True, False] * len(kernels)
    assert told == ([[True], [True, False, True]] if kernels else [[], []])


def test_a_replay_is_one_launch():

    def replay():
        pass

    replay.__qualname__ = 'CUDAGraph.replay'
    launched = []
    with watch_regions(launched.append, lambda inside: None):
        sys.getprofile()(sys._getframe(), 'c_call', replay)
    assert launched == [1]
