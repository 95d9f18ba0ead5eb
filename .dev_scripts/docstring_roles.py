"""Turn roles in docstrings, such as :class:`Kernel`, into links of the site.

A role whose object does not exist is a warning, and so an error of the build.
A role of another package, or of an object without an entry, becomes code.
"""
import re
from collections import defaultdict

import griffe
from mkdocs.plugins import get_plugin_logger

OWN = 'mmrep'
ROLE = re.compile(r':(?:class|func|meth|mod|attr):`~?\.?([\w.]+)`')
LINK = '<autoref identifier="{}" optional><code>{}</code></autoref>'
log = get_plugin_logger(__name__)


class Roles(griffe.Extension):
    """An extension that replaces the roles when the package is read."""

    def on_package(self, *, pkg, loader, **kwargs):
        """Replace the roles in every docstring of the package."""
        self.modules = loader.modules_collection
        scopes = list(walk(pkg))
        self.named = defaultdict(list)
        for scope in scopes:
            self.named[scope.name].append(scope)
        for scope in scopes:
            if scope.docstring:
                scope.docstring.value = ROLE.sub(
                    lambda match, scope=scope: self._link(scope, match[1]),
                    scope.docstring.value)

    def _link(self, scope, name):
        path = self._path(scope, name)
        if path is None:
            log.warning('%s: the docstring of %s names %s, which is not there',
                        scope.relative_filepath, scope.path, name)
        if not path or not path.startswith(OWN):
            return f'`{name}`'
        return LINK.format(path, name)

    def _path(self, scope, name):
        """Return the path of the named object, None if it does not exist."""
        first, _, rest = name.partition('.')
        try:
            if first in self.modules:
                found = self.modules[name]
            else:
                found = self._first(scope, first)
                found = found[rest] if rest else found
            return found.canonical_path if found.is_alias else found.path
        except (KeyError, ValueError, griffe.AliasResolutionError):
            known = name.startswith(('torch.', 'mmengine.', 'mmcv.'))
            return '' if known else None

    def _first(self, scope, name):
        """Return the object of this name as seen from a docstring."""
        while name not in scope.all_members:
            if scope.parent is None:  # take the only one of the package
                only, = self.named[name] or [None]
                return only or self.modules[name]
            scope = scope.parent
        return scope.all_members[name]


def walk(scope):
    """Yield an object and all objects that are defined in it."""
    yield scope
    for member in scope.members.values():
        if not member.is_alias:
            yield from walk(member)
