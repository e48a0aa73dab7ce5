// Package linux is what the .deb, .rpm and tarballs of both programs are made of:
// nfpm.yaml says what lies where, the scripts beside it run when a package comes and
// goes, and build makes them. It has no code of its own but tests.
//
// What the packages guarantee:
//   - The scripts may be killed anywhere: the next installation, or `dpkg --configure
//     -a`, ends as one that was never cut short.
//   - They work where systemd does not run (a container, an image that is being made,
//     a chroot) and where it is not there at all.
//   - An upgrade changes no setting and no state, and a running service goes on with the
//     new version; one that was stopped stays stopped.
//   - A purge leaves no file and no user, but by choice the logbook, and the keys of a
//     collector that was set up.
//
// The agent's unit is made by agent/service, which keeps the file here true by a test.
//
// Start reading at agent/nfpm.yaml and agent/after-install; docs/decisions/0014 says why
// settings are not in /etc.
package linux
