# `make demo` and `make test` set up .venv when it is not there yet.
PYTHON ?=
BIN := .venv/bin
REQUIREMENTS := $(patsubst %,requirements/%.txt,build torch mmcv lock)

.PHONY: demo test quick lint docs fuzz benchmark benchmark-host
demo: .venv/.ready
	$(BIN)/python tools/demo.py

test: .venv/.ready
	$(BIN)/python -m pytest tests -n auto --maxprocesses 4

# what most changes break: the lint, the algebra with a fifth of its drawn
# cases and without compilers, the layers, one net trained, fused and tested
QUICK := tests/test_kernel.py tests/properties tests/layers \
	tests/tools/test_trip.py --ignore tests/properties/test_runtime.py

quick: lint .venv/.ready
	DRAWN_CASES=0.2 $(BIN)/python -m pytest $(QUICK) -n auto --maxprocesses 4

# in an environment of its own, ready in seconds
lint:
	@PYTHON=$(PYTHON) .dev_scripts/lint.sh

# the site, in an environment of its own: work_dirs/site/index.html
docs:
	@PYTHON=$(PYTHON) .dev_scripts/docs.sh

# FUZZ='--seed S --only I' repeats a case
fuzz: .venv/.ready
	$(BIN)/python .dev_scripts/fuzz.py $(FUZZ)

# glibc gives memory back after each step and takes it again page by page, at
# random up to a third of a step; here all nets keep what they once had
HEAP := MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=68719476736 \
	MALLOC_TOP_PAD_=268435456
COMPARE = OMP_NUM_THREADS=2 $(HEAP) $(BIN)/python tools/benchmark.py \
	--size 224 224
RESULTS := work_dirs/benchmark
written = --out $(RESULTS)/$(1).json --picture $(RESULTS)/$(1).png
R18 := mmpretrain::resnet/resnet18_8xb32_in1k.py \
	configs/orepa_r18_imagenet.py configs/dbb_r18_imagenet.py
R50 := mmpretrain::resnet/resnet50_8xb32_in1k.py \
	configs/orepa_r50_imagenet.py configs/dbb_r50_imagenet.py

benchmark: .venv/.ready
	mkdir -p $(RESULTS)
	$(COMPARE) $(R18) --batch-size 8 --rounds 9 $(call written,resnet18_8)
	$(COMPARE) $(R18) --batch-size 32 --rounds 5 $(call written,resnet18_32)
	$(COMPARE) $(R50) --batch-size 8 --rounds 5 $(call written,resnet50_8)
	$(COMPARE) $(R50) --batch-size 32 --rounds 3 $(call written,resnet50_32)
	$(COMPARE) configs/repvgg_a0_imagenet.py --inference --batch-size 8 \
		--rounds 15 $(call written,repvgg_a0_inference)

# what the host pays for a step: norms that train, those of detectors, which
# are frozen, and RepVGG in place of a plain net
HOST = $(BIN)/python tools/benchmark.py --host
of_host = --kernels batched --out $(RESULTS)/host_$(1).json --picture $(RESULTS)/host_$(1).png

benchmark-host: .venv/.ready
	mkdir -p $(RESULTS)
	$(HOST) $(foreach m,plain orepa dbb,configs/$(m)_r18_imagenet.py) \
		$(call of_host,r18)
	$(HOST) $(foreach m,plain orepa dbb,configs/$(m)_r50_imagenet.py) \
		$(call of_host,r50)
	$(HOST) $(foreach m,plain orepa dbb repvgg,\
		configs/faster_rcnn_$(m)_r18_coco.py) $(call of_host,r18_frozen)
	$(HOST) $(foreach m,plain orepa dbb repvgg,\
		configs/faster_rcnn_$(m)_r50_coco.py) $(call of_host,r50_frozen)
	$(HOST) $(foreach m,plain repvgg qarepvgg orepavgg,\
		configs/pspnet_$(m)_a0_shapes.py) $(call of_host,a0)

.venv/.ready: $(REQUIREMENTS) .dev_scripts/setup_env.sh
	@PYTHON=$(PYTHON) .dev_scripts/setup_env.sh
