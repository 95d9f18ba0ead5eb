"""Tables have a row for each file or layer, and all numbers."""
import io

from rich.console import Console

from mmrep.cli.int8_tables import table_of_accuracy, table_of_layers


def lines_of(table):
    text = io.StringIO()
    Console(width=140, file=text).print(table)
    return [line.split() for line in text.getvalue().splitlines()]


def test_accuracy():
    lines = lines_of(
        table_of_accuracy({
            'float32': dict(mAP=0.4584, AR=1),
            'INT8': dict(mAP=0.4496, AR=0.5)
        }))
    assert ['│', 'float32', '│', '0.458', '│', '1.000', '│'] in lines
    assert ['│', 'INT8', '│', '0.450', '│', '0.500', '│'] in lines


def test_layers():
    """The largest input counts without its sign."""
    row = dict(
        layer='stem',
        max_abs=0.5,
        std=0.25,
        spread=2,
        weights_per_tensor=30,
        weights_per_channel=40,
        low=-3,
        high=2,
        activations=35)
    values = '0.500 0.2500 2.0 30.0 40.0 3.00 35.0'.split()
    cells = [line[1::2] for line in lines_of(table_of_layers([row]))]
    assert ['stem', *values] in cells
