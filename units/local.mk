# Included by Makefile.am: what is installed beside the programs and their manuals.
#
# The sources have the paths of a system's own package (/usr/bin, /etc, /var), and can be used as
# they are. What is installed has the paths of this configuration.

UNITS = ocsp.socket ocsp@.service ocsp-listen.socket ocsp-listen.service \
	ocsp-sign.socket ocsp-sign@.service \
	ocsp-presign.service ocsp-presign.timer ocsp-watch.service \
	ocsp-metrics.service ocsp-metrics.timer
UNIT_FILES = $(UNITS:%=units/%)
ETC_FILES = \
	etc/completion/ocspctl \
	etc/logrotate.d/ocsp_py \
	etc/ocsp_py/config.ini \
	etc/sysusers.d/ocsp_py.conf \
	etc/tmpfiles.d/ocsp_py.conf \
	etc/xinetd.d/ocsp

MANUALS = ocsp-sign.8 ocsp-stdio.8 ocspctl.8 ocsp_py.ini.5 ocsp-units.7

sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
logrotatedir = $(sysconfdir)/logrotate.d
xinetddir = $(sysconfdir)/xinetd.d
examplesdir = $(docdir)/examples
completiondir = $(datadir)/bash-completion/completions

unit_DATA = $(UNITS:%=units-built/%)
sysusers_DATA = units-built/sysusers.d/ocsp_py.conf
tmpfiles_DATA = units-built/tmpfiles.d/ocsp_py.conf
EXAMPLES = nginx-static.conf ocsp-alerts.yml ocsp-grafana.json ocsp-static.service \
	ocsp-static.timer sudoers-ocsp
# the last two name only others' folders
examples_DATA = $(EXAMPLES:%=units-built/%) docs/examples/haproxy.cfg docs/examples/nginx.conf
completion_DATA = units-built/completion/ocspctl
man_MANS = $(MANUALS:%=units-built/%)
noinst_DATA = units-built/ocsp_py/config.ini units-built/logrotate.d/ocsp_py units-built/xinetd.d/ocsp

EXTRA_DIST += $(UNIT_FILES) $(ETC_FILES) $(MANUALS:%=man/%) $(EXAMPLES:%=docs/examples/%)

# Only what is our own: systemd, nginx, sudo and node_exporter have their folders where they are. In two
# steps, since a path of this configuration may contain one of the others.
RELOCATE = $(SED) \
	-e 's|/usr/bin/ocsp|@BIN@/ocsp|g' -e 's|/usr/libexec/|@LIBEXEC@/|g' \
	-e 's|/etc/ocsp_py|@ETC@/ocsp_py|g' -e 's|/etc/logrotate.d/ocsp|@ETC@/logrotate.d/ocsp|g' \
	-e 's|/etc/xinetd.d/ocsp|@ETC@/xinetd.d/ocsp|g' \
	-e 's|/var/\([a-z]*\)/ocsp_py|@VAR@/\1/ocsp_py|g' \
	-e 's|@BIN@|$(bindir)|g' -e 's|@LIBEXEC@|$(libexecdir)|g' \
	-e 's|@ETC@|$(sysconfdir)|g' -e 's|@VAR@|$(localstatedir)|g' \
	-e 's|^\.Os$$|.Os ocsp-stdio $(PACKAGE_VERSION)|'
RELOCATE_FILE = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(RELOCATE) < $< > $@.tmp && mv $@.tmp $@

units-built/%: units/% Makefile
	$(RELOCATE_FILE)
units-built/%: etc/% Makefile
	$(RELOCATE_FILE)
units-built/%: docs/examples/% Makefile
	$(RELOCATE_FILE)
units-built/%: man/% Makefile
	$(RELOCATE_FILE)

# What an administrator may have edited is never replaced: the stanza that says "disable = no", too.
# It is only removed if nobody has changed it.
CONFIG_INI = $(DESTDIR)$(sysconfdir)/ocsp_py/config.ini
LOGROTATE = $(DESTDIR)$(logrotatedir)/ocsp_py
XINETD = $(DESTDIR)$(xinetddir)/ocsp

install-data-local: $(noinst_DATA)
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/ocsp_py" "$(DESTDIR)$(logrotatedir)" "$(DESTDIR)$(xinetddir)"
	test -e "$(CONFIG_INI)" || $(INSTALL) -m 0640 units-built/ocsp_py/config.ini "$(CONFIG_INI)"
	test -e "$(LOGROTATE)" || $(INSTALL_DATA) units-built/logrotate.d/ocsp_py "$(LOGROTATE)"
	test -e "$(XINETD)" || $(INSTALL_DATA) units-built/xinetd.d/ocsp "$(XINETD)"

# For callers that can't change: the predecessor's name, where it is in nobody's way.
install-exec-hook:
	rm -f "$(DESTDIR)$(libexecdir)/ocsp.py"
	$(LN_S) "$(bindir)/ocsp-stdio" "$(DESTDIR)$(libexecdir)/ocsp.py"

# bash looks for a file with the name of the program.
install-data-hook:
	cd "$(DESTDIR)$(completiondir)" && rm -f ocsp-stdio ocsp-sign && \
		$(LN_S) ocspctl ocsp-stdio && $(LN_S) ocspctl ocsp-sign

uninstall-local:
	rm -f "$(DESTDIR)$(libexecdir)/ocsp.py"
	rm -f "$(DESTDIR)$(completiondir)/ocsp-stdio" "$(DESTDIR)$(completiondir)/ocsp-sign"
	if cmp -s units-built/ocsp_py/config.ini "$(CONFIG_INI)"; then rm -f "$(CONFIG_INI)"; fi
	if cmp -s units-built/logrotate.d/ocsp_py "$(LOGROTATE)"; then rm -f "$(LOGROTATE)"; fi
	if cmp -s units-built/xinetd.d/ocsp "$(XINETD)"; then rm -f "$(XINETD)"; fi
	-rmdir "$(DESTDIR)$(sysconfdir)/ocsp_py" 2> /dev/null

clean-local:
	rm -rf units-built
