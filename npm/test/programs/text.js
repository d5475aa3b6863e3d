setTimeout(() => { throw 'just a text'; }, 1);
