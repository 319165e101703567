"""
What Transformers' TensorFlow and Flax classes call their weights, and the shapes of those, for test/pretrained/dialects.

    pip install transformers==4.35.2 torch==2.1.2 tensorflow-cpu==2.15.1 flax==0.7.5 jax==0.4.20 jaxlib==0.4.20 "numpy<2" "scipy<1.13"
    python test/goldens/make_framework_names.py

Writes test/goldens/frameworks/names.json: of each family its config, its variables once, and of each class the numbers of
its variables: by layer of Keras for TensorFlow. Of two layers of a network only the first is kept.
"""

import json
import os
import re
import tempfile
from pathlib import Path

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'

import h5py
import jax.numpy as jnp
import transformers
from flax.traverse_util import flatten_dict
from jax._src import core
from jax._src.array import ArrayImpl

# Question answering of Transformers 4.35 splits by a method that arrays of this jax no longer have.
for array in (ArrayImpl, core.Tracer):
    array.split = lambda self, parts, axis=0: jnp.split(self, parts, axis=axis)

bert = dict(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=40,
)
heads = 'Model ForMaskedLM ForSequenceClassification ForMultipleChoice ForTokenClassification ForQuestionAnswering'.split()
t5 = dict(vocab_size=60, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2)
bart = dict(
    vocab_size=60,
    d_model=16,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=24,
    decoder_ffn_dim=24,
    max_position_embeddings=40,
)

# name: family, config, ends of classes
families = {
    'albert': ('Albert', {**bert, 'embedding_size': 12}, [*heads, 'ForPreTraining']),
    'bart': (
        'Bart',
        bart,
        'Model ForConditionalGeneration ForSequenceClassification ForQuestionAnswering ForCausalLM'.split(),
    ),
    'bert': ('Bert', bert, [*heads, 'ForPreTraining', 'ForNextSentencePrediction']),
    'camembert': ('Camembert', bert, heads),
    'distilbert': (
        'DistilBert',
        dict(vocab_size=60, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=40),
        heads,
    ),
    'electra': ('Electra', {**bert, 'embedding_size': 12}, [*heads, 'ForPreTraining']),
    'gpt2': (
        'GPT2',
        dict(vocab_size=60, n_positions=40, n_embd=16, n_layer=2, n_head=2),
        'Model LMHeadModel DoubleHeadsModel ForSequenceClassification'.split(),
    ),
    'mpnet': ('MPNet', bert, heads),
    'roberta': ('Roberta', bert, heads),
    't5': ('T5', t5, 'Model EncoderModel ForConditionalGeneration'.split()),
    't5 gated, untied': (
        'T5',
        {**t5, 'feed_forward_proj': 'gated-gelu', 'tie_word_embeddings': False},
        'Model EncoderModel ForConditionalGeneration'.split(),
    ),
    'xlm-roberta': ('XLMRoberta', bert, heads),
}


def is_second(name):
    """Whether a name is of the second layer of a network."""
    return re.search(r'_\._1/|layers\.1/|/1/', name) is not None


def text(name):
    return name.decode() if isinstance(name, bytes) else name


def tensorflow_names(model):
    """[layer of Keras, variable, shape] of everything in tf_model.h5."""
    model(model.dummy_inputs)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with h5py.File(Path(folder, 'tf_model.h5')) as file:
            for layer in map(text, file.attrs['layer_names']):
                for name in map(text, file[layer].attrs['weight_names']):
                    # A second model of a process has another scope.
                    yield layer, re.sub(r'^(tf\w+?)_\d+/', r'\1/', name), list(file[layer][name].shape)


def main():
    found = {}
    for title, (family, fields, ends) in families.items():
        variables = []

        def number(name, shape):
            variable = f'{name} {json.dumps(shape)}'
            if variable not in variables:
                variables.append(variable)
            return variables.index(variable)

        classes = {}
        for end in ends:
            config = getattr(transformers, f'{family}Config')(**fields)
            names = classes[family + end] = {}
            tensorflow = getattr(transformers, f'TF{family}{end}', None)
            if tensorflow:
                scope = {}
                for layer, name, shape in tensorflow_names(tensorflow(config)):
                    if not is_second(name):
                        head, _, rest = name.partition('/')
                        if head.startswith('tf'):
                            names['scope'] = head
                            name = f'~/{rest}'
                        scope.setdefault(layer, []).append(number(name, shape))
                names['TensorFlow'] = scope
            flax = getattr(transformers, f'Flax{family}{end}', None)
            if flax:
                tree = flatten_dict(flax(config).params, sep='/')
                names['Flax'] = [number(name, list(value.shape)) for name, value in tree.items() if not is_second(name)]
            print(title, end, list(names), flush=True)
        found[title] = {'family': family, 'config': fields, 'variables': variables, 'classes': classes}
    target = Path(__file__).parent / 'frameworks' / 'names.json'
    lines = json.dumps(found, indent=1)
    # Lists of numbers on one line each.
    lines = re.sub(r'\[\s+((?:\d+,\s+)*\d+)\s+\]', lambda m: f'[{re.sub(chr(10) + " *", " ", m[1])}]', lines)
    target.write_text(lines + '\n')


main()
