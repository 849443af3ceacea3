throw new SyntaxError('cannot start');
