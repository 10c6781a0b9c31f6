# Included by Makefile.am: what releases and packages are made of.

DEBIAN_FILES = \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/ocsp-stdio.README.Debian \
	debian/ocsp-stdio.install \
	debian/ocsp-stdio.links \
	debian/ocsp-stdio.lintian-overrides \
	debian/ocsp-stdio.postinst \
	debian/ocsp-stdio.postrm \
	debian/rules \
	debian/source/format \
	debian/tests/answers \
	debian/tests/control

EXTRA_DIST += CHANGELOG.md CONTRIBUTING.md scripts $(DEBIAN_FILES) packaging/ocsp-stdio.spec

# A tarball has the same octets whoever makes it, and whenever: its files have the time of the
# commit, or in a tarball's tree the time of that tarball. Only for "make dist": tests use tar, too.
SOURCE_DATE_EPOCH ?= $(shell git -c safe.directory='*' -C '$(srcdir)' log -1 --format=%ct \
	2> /dev/null || stat -c %Y '$(srcdir)/CHANGELOG.md')
REPRODUCIBLE = --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	--mtime=@$(SOURCE_DATE_EPOCH)
export TAR_OPTIONS = $(if $(filter dist%,$(MAKECMDGOALS)),$(REPRODUCIBLE))

dist-hook:
	find '$(distdir)' -name __pycache__ -prune -exec rm -r {} +
