// Package web is what all pages of the portal share: who is asking, what they may see, the
// layout, forms and their problems, sessions, error pages, headers and assets.
//
// It guarantees:
//   - A page with a right is given to nobody without it: who is not signed in is asked to
//     sign in, who lacks the right gets the page that says so. A page decides only about
//     the objects that it shows.
//   - An object that is not there and one of another authority get the same page
//     (ErrNotFound), so that an address tells nothing.
//   - A session is kept in the database under a hash of its token, begins with a fresh
//     token at each sign-in, and ends with the password, with a person's access, an hour
//     after the last page and twelve hours after sign-in. A form sent after its end loses
//     nothing that was typed.
//   - A page is whole or it is the error page; it works without JavaScript, loads nothing
//     from elsewhere, and is kept in no cache. Titles hold nothing about a person.
//   - What is written is in the language of the reader, with lang set to it.
//
// It decides nothing about schools and children: sections do, each a package of its own
// with `Routes`, and none imports another. It changes nothing on a GET.
//
// Start reading at Site, Route and Visit. page.go and pages/ are how a page looks, view.go
// what templates may ask, form.go reads what was typed, session.go and kept.go keep
// sessions, errors.go has the error pages, assets.go the stylesheets and scripts.
package web
