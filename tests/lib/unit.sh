# unit.sh PROGRAM: runs a unit test. cmocka 1.1 reports a test that was skipped as "not ok # SKIP",
# which TAP takes for a failure.
exec 4>&1
status=$({ { "$@"; echo $? >&3; } | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1)
exit "$status"
