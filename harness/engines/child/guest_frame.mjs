// A guest on the page's own thread, in a frame of it. What a Worker would send to the page goes to `fromGuest` there.
// Such a guest can only be stopped by ending its tab. The page passes a command to `giveGuest` as a message, since the
// page's own objects have other classes than the frame's.

self.giveGuest = self.postMessage;
self.postMessage = (data) => window.parent.fromGuest({ data });
await import(`./${window.parent.guestModule}`).catch((error) => window.parent.fromGuest({ data: { trapped: String(error) } }));
