// Package browser drives headless Chromium over the real stack, as a person at the
// portal would: by address, by keyboard, with and without JavaScript, in one language or
// the other, on a wide screen, a phone and paper.
//
// It guarantees that a page which the browser complains about (a script error, something
// that the content security policy forbids, a file that is not there) fails the test, and
// that Check runs axe-core, which npm has fetched (`make axe`), on the page as it stands.
//
// Nothing here signs in by a back door: what a test does through a Tab a person could do.
// Pages are found as people find them, by the names that a screen reader says.
//
// Start reading at Start and Tab. axe.go checks accessibility, shot.go takes pictures.
package browser
