// A guest on the page's own thread, in a frame of it: what a Worker sends to the page goes to `fromGuest` there.
// Nothing can stop such a guest but the end of its tab. The page gives it a command by `giveGuest`, as a message: objects
// of the page itself are of other classes than the frame's.

self.giveGuest = self.postMessage;
self.postMessage = (data) => window.parent.fromGuest({ data });
await import(`./${window.parent.guestModule}`).catch((error) => window.parent.fromGuest({ data: { trapped: String(error) } }));
